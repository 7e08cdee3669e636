package sqlreview

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"fairlead/internal/sqltext"
)

// parseExpression gives the tree of an expression that the catalog printed.
func parseExpression(text string) *pg.Node {
	text = strings.TrimSpace(text)
	if upper := strings.ToUpper(text); strings.HasPrefix(upper, "CHECK") {
		text = strings.TrimSpace(text[len("CHECK"):])
		text = strings.TrimSpace(strings.TrimSuffix(text, "NOT VALID"))
	}
	s, err := sqltext.Parse([]byte("SELECT (" + text + ")"))
	if err != nil || len(s.Statements) != 1 {
		return nil
	}
	targets := s.Node(0).GetSelectStmt().GetTargetList()
	if len(targets) != 1 {
		return nil
	}
	return targets[0].GetResTarget().GetVal()
}

// impliesNotNull says whether an expression that is never false can only hold
// when the column is not null. A comparison proves nothing: for a CHECK, null passes.
func impliesNotNull(e *pg.Node, column string) bool {
	if t := e.GetNullTest(); t != nil {
		return t.GetNulltesttype() == pg.NullTestType_IS_NOT_NULL && columnOf(t.GetArg()) == column
	}
	b := e.GetBoolExpr()
	if b == nil || b.GetBoolop() != pg.BoolExprType_AND_EXPR {
		return false
	}
	for _, a := range b.GetArgs() {
		if impliesNotNull(a, column) {
			return true
		}
	}
	return false
}

func columnOf(n *pg.Node) string {
	fields := n.GetColumnRef().GetFields()
	if len(fields) == 0 {
		return ""
	}
	return fields[len(fields)-1].GetString_().GetSval()
}

// alwaysTrue recognises WHERE true, WHERE 1 = 1 and the like.
func alwaysTrue(n *pg.Node) bool {
	if n == nil {
		return true
	}
	if b := n.GetAConst().GetBoolval(); b != nil {
		return b.GetBoolval()
	}
	if e := n.GetAExpr(); e != nil && len(e.GetName()) == 1 && e.GetName()[0].GetString_().GetSval() == "=" {
		l, r := constant(e.GetLexpr()), constant(e.GetRexpr())
		if l != "" && l == r {
			return true
		}
		lc, rc := columnOf(e.GetLexpr()), columnOf(e.GetRexpr())
		return lc != "" && lc == rc && len(e.GetLexpr().GetColumnRef().GetFields()) == len(e.GetRexpr().GetColumnRef().GetFields()) &&
			len(e.GetLexpr().GetColumnRef().GetFields()) == 1
	}
	return false
}

func constant(n *pg.Node) string {
	c := n.GetAConst()
	switch {
	case c == nil:
		return ""
	case c.GetIval() != nil:
		return "i" + strconv.Itoa(int(c.GetIval().GetIval()))
	case c.GetSval() != nil:
		return "s" + c.GetSval().GetSval()
	}
	return ""
}

// walk visits every node below (and with) m until visit says false.
func walk(m protoreflect.Message, visit func(m protoreflect.Message) bool) {
	if !m.IsValid() || !visit(m) {
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() != protoreflect.MessageKind {
			return true
		}
		if f.IsList() {
			for i := range v.List().Len() {
				walk(v.List().Get(i).Message(), visit)
			}
			return true
		}
		walk(v.Message(), visit)
		return true
	})
}

// calls lists the functions that a tree calls, by their last name.
func calls(n *pg.Node) []*pg.FuncCall {
	var out []*pg.FuncCall
	if n == nil {
		return nil
	}
	walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
		if c, ok := m.Interface().(*pg.FuncCall); ok {
			out = append(out, c)
		}
		return true
	})
	return out
}

func calledName(c *pg.FuncCall) string {
	parts := c.GetFuncname()
	if len(parts) == 0 {
		return ""
	}
	return parts[len(parts)-1].GetString_().GetSval()
}

// inner lists data-modifying statements inside another one (WITH x AS (DELETE …)).
func inner(n *pg.Node) []*pg.Node {
	var out []*pg.Node
	top := n.ProtoReflect()
	walk(top, func(m protoreflect.Message) bool {
		node, ok := m.Interface().(*pg.Node)
		if ok && m != top && (node.GetDeleteStmt() != nil || node.GetUpdateStmt() != nil || node.GetInsertStmt() != nil) {
			out = append(out, node)
			return false
		}
		return true
	})
	return out
}

// volatility gives i, s, v, or "" when nobody knows.
func (s *state) volatility(c *pg.FuncCall) string {
	n := calledName(c)
	if made := s.functions[n]; len(made) > 0 {
		worst := "i"
		for _, f := range made {
			worst = max(worst, f.volatility)
		}
		return worst
	}
	if s.catalog != nil {
		for _, f := range s.catalog.Functions {
			if f.Name == n {
				return f.Volatility
			}
		}
	}
	return builtinVolatility(n)
}

func builtinVolatility(n string) string {
	switch n {
	case "random", "random_normal", "clock_timestamp", "timeofday", "gen_random_uuid", "gen_random_bytes", "gen_salt", "nextval", "currval",
		"lastval", "setval", "setseed", "pg_sleep", "uuidv4", "uuidv7", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4":
		return "v"
	case "now", "transaction_timestamp", "statement_timestamp", "timezone", "to_char", "to_timestamp", "to_date", "date_trunc", "date_part",
		"extract", "current_setting", "current_schema", "age", "make_timestamptz", "to_json", "to_jsonb", "json_build_object", "jsonb_build_object",
		"json_build_array", "jsonb_build_array", "concat", "concat_ws", "format":
		return "s"
	case "lower", "upper", "md5", "length", "coalesce", "make_interval", "make_date", "make_time", "make_timestamp", "array_fill", "decode", "encode",
		"digest", "substr", "substring", "left", "right", "lpad", "rpad", "trim", "btrim", "ltrim", "rtrim", "replace", "regexp_replace", "round", "floor",
		"ceil", "abs", "int4range", "int8range", "tstzrange", "tsrange", "daterange", "numrange", "power", "repeat", "split_part", "to_tsvector",
		"string_to_array", "chr", "sha256", "convert_to", "convert_from":
		return "i"
	}
	return builtinFunction(n)
}

// columnsOf lists the columns that an expression names, each once.
func columnsOf(n *pg.Node) []string {
	var out []string
	if n == nil {
		return nil
	}
	walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
		if c, ok := m.Interface().(*pg.ColumnRef); ok {
			fields := c.GetFields()
			if len(fields) > 0 {
				if column := fields[len(fields)-1].GetString_().GetSval(); column != "" {
					out = append(out, column)
				}
			}
		}
		return true
	})
	return unique(out)
}
