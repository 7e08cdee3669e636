package schema

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/syntax"
)

// CallsNothing says, by the text alone, that a statement calls no function whose body is known and none that runs SQL
// which it gets as a string.
func (s *State) CallsNothing(sql string) bool {
	if strings.IndexByte(sql, '(') < 0 {
		return true
	}
	lower := strings.ToLower(sql)
	if strings.Contains(lower, `u&"`) || len(s.Functions) > 20 {
		return false
	}
	for _, n := range StringRunners() {
		if strings.Contains(lower, n) {
			return false
		}
	}
	for n := range s.Functions {
		if strings.Contains(lower, strings.ToLower(strings.ReplaceAll(n, `"`, `""`))) {
			return false
		}
	}
	return true
}

// StringRunners are functions that run SQL which they get as a string.
func StringRunners() []string {
	return []string{"dblink", "dblink_exec", "dblink_send_query", "query_to_xml", "query_to_xml_and_xmlschema",
		"cursor_to_xml", "ts_stat", "ts_rewrite", "exec_sql"}
}

// KnownBody says whether a function is one that a migration tool brings along, so that what it does is known without
// its body.
func KnownBody(n string) bool { return n == "diesel_manage_updated_at" }

// KnownCalls gives the tables on which a query lets Diesel make its trigger.
func (s *State) KnownCalls(n *pg.Node) []catalog.Ref {
	var out []catalog.Ref
	for _, c := range syntax.Calls(n) {
		if syntax.CalledName(c) != "diesel_manage_updated_at" || len(c.GetArgs()) != 1 {
			continue
		}
		arg := c.GetArgs()[0]
		if cast := arg.GetTypeCast(); cast != nil {
			arg = cast.GetArg()
		}
		if t := s.Spelled(arg.GetAConst().GetSval().GetSval()); t.Name != "" && !s.IsNew(t) {
			out = append(out, t)
		}
	}
	return out
}

// Volatility gives i, s, v, or "" when nobody knows.
func (s *State) Volatility(c *pg.FuncCall) string {
	n := syntax.CalledName(c)
	if made := s.Functions[n]; len(made) > 0 {
		worst := "i"
		for _, f := range made {
			worst = max(worst, f.volatility)
		}
		return worst
	}
	if s.Catalog != nil {
		for _, f := range s.Catalog.Functions {
			if f.Name == n {
				return f.Volatility
			}
		}
	}
	return builtinVolatility(n)
}

func builtinVolatility(n string) string {
	switch n {
	case "random", "random_normal", "clock_timestamp", "timeofday", "gen_random_uuid", "gen_random_bytes", "gen_salt",
		"nextval", "currval", "lastval", "setval", "setseed", "pg_sleep", "uuidv4", "uuidv7", "uuid_generate_v1",
		"uuid_generate_v1mc", "uuid_generate_v4":
		return "v"
	case "now", "transaction_timestamp", "statement_timestamp", "timezone", "to_char", "to_timestamp", "to_date",
		"date_trunc", "date_part", "extract", "current_setting", "current_schema", "age", "make_timestamptz", "to_json",
		"to_jsonb", "json_build_object", "jsonb_build_object", "json_build_array", "jsonb_build_array", "concat",
		"concat_ws", "format":
		return "s"
	case "lower", "upper", "md5", "length", "coalesce", "make_interval", "make_date", "make_time", "make_timestamp",
		"array_fill", "decode", "encode", "digest", "substr", "substring", "left", "right", "lpad", "rpad", "trim",
		"btrim", "ltrim", "rtrim", "replace", "regexp_replace", "round", "floor", "ceil", "abs", "int4range",
		"int8range", "tstzrange", "tsrange", "daterange", "numrange", "power", "repeat", "split_part", "to_tsvector",
		"string_to_array", "chr", "sha256", "convert_to", "convert_from":
		return "i"
	}
	return BuiltinFunction(n)
}
