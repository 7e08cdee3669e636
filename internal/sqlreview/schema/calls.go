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
