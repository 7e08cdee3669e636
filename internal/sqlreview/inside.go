package sqlreview

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqltext"
)

// inside follows what a statement executes besides itself: the body of a DO
// block, functions that the script made and calls, data-modifying CTEs.
func (r *reviewer) inside(l leaf, depth int) {
	switch {
	case l.node.GetDoStmt() != nil:
		r.body(l, depth)
		return
	case l.node.GetCreateFunctionStmt() != nil:
		return // its body runs when somebody calls it
	case l.node.GetCallStmt() != nil:
		if n := calledName(l.node.GetCallStmt().GetFunccall()); len(r.state.functions[n]) == 0 {
			r.cannot(l, unreviewable(), fmt.Sprintf("procedure %s is not made here; its body is not known", n))
		}
	}
	plain := plainKind(l.kind)
	if !plain || !r.state.callsNothing(l.sql) {
		for _, c := range calls(l.node) {
			r.called(l, c, depth)
		}
	}
	if plain && !saysWith(l.sql) {
		return
	}
	for _, n := range inner(l.node) {
		nested := l
		nested.node, nested.nested = n, true
		r.leaf(nested, depth+1)
	}
}

// plainKind says whether only a WITH clause can hold another statement in one of that kind.
func plainKind(kind string) bool {
	switch kind {
	case "INSERT", "UPDATE", "DELETE", "SELECT", "ALTER TABLE", "CREATE TABLE", "CREATE INDEX", "CREATE UNIQUE INDEX", "DROP TABLE", "DROP INDEX", "SET", "COMMENT":
		return true
	}
	return false
}

// saysWith looks for the letters, wherever they stand.
func saysWith(sql string) bool {
	for i := 0; i+4 <= len(sql); i++ {
		if sql[i]|0x20 == 'w' && strings.EqualFold(sql[i:i+4], "with") {
			return true
		}
	}
	return false
}

// callsNothing says, by the text alone, that a statement calls no function whose body is known and none that runs SQL which it gets as
// a string.
func (s *state) callsNothing(sql string) bool {
	if strings.IndexByte(sql, '(') < 0 {
		return true
	}
	lower := strings.ToLower(sql)
	if strings.Contains(lower, `u&"`) || len(s.functions) > 20 {
		return false
	}
	for _, n := range stringRunners() {
		if strings.Contains(lower, n) {
			return false
		}
	}
	for n := range s.functions {
		if strings.Contains(lower, strings.ToLower(strings.ReplaceAll(n, `"`, `""`))) {
			return false
		}
	}
	return true
}

// stringRunners are functions that run SQL which they get as a string.
func stringRunners() []string {
	return []string{"dblink", "dblink_exec", "dblink_send_query", "query_to_xml", "query_to_xml_and_xmlschema", "cursor_to_xml", "ts_stat", "ts_rewrite", "exec_sql"}
}

// called reviews the body of a function that the script made, as executed here.
func (r *reviewer) called(l leaf, c *pg.FuncCall, depth int) {
	n := calledName(c)
	if knownBody(n) {
		return
	}
	if slices.Contains(stringRunners(), n) {
		r.cannot(l, dynamicSQL(), n+"() runs SQL that it gets as a string")
	}
	for _, f := range r.state.functions[n] {
		if f.running {
			continue
		}
		f.running = true
		body := f.leaf
		body.unit, body.alone, body.index = l.unit, l.alone, l.index
		r.body(body, depth)
		f.running = false
	}
}

// standardBody reviews BEGIN ATOMIC … END, or RETURN, of a function: its statements stand in the tree.
func (r *reviewer) standardBody(l leaf, n *pg.Node, depth int) {
	if all := n.GetList().GetItems(); len(all) > 0 {
		for _, x := range all {
			r.standardBody(l, x, depth)
		}
		return
	}
	l.node, l.inBody, l.exact, l.kind = n, true, false, "statement of a function"
	r.leaf(l, depth+1)
}

// body opens a DO block or function and reviews what it executes.
func (r *reviewer) body(l leaf, depth int) {
	b, err := sqltext.BodyOf(l.node, l.sql)
	if err != nil {
		if body := l.node.GetCreateFunctionStmt().GetSqlBody(); body != nil {
			r.standardBody(l, body, depth)
			return
		}
		r.cannot(l, unreviewable(), err.Error())
		return
	}
	when := r.recorded(l, b)
	if when == over {
		return
	}
	for _, st := range b.Statements {
		inner := l
		inner.doubt = l.doubt || st.Guarded && when != due
		inner.inBody, inner.guarded, inner.exact = true, l.guarded || st.Guarded, st.Offset >= 0
		inner.sql, inner.kind = st.SQL, "EXECUTE"
		inner.start, inner.base = r.bodyPlace(l, b, st), 0
		if st.Offset >= 0 {
			inner.base = inner.start
		}
		switch st.Kind {
		case sqltext.BodySQL:
			if b.Language != "plpgsql" || !inner.exact || !r.ordinary(inner, st.SQL, depth) {
				r.fragment(inner, st.SQL, depth)
			}
		case sqltext.BodyExecute:
			r.execute(inner, depth)
		case sqltext.BodyExpression:
			r.expression(inner, depth)
		}
	}
}

// bodyPlace finds a body's statement in the file: its byte, or else its line.
func (r *reviewer) bodyPlace(l leaf, b sqltext.Body, st sqltext.BodyStatement) int {
	if !l.exact && l.base == 0 {
		return l.start
	}
	if st.Offset >= 0 {
		return l.start + st.Offset
	}
	at := l.start
	if b.Start < 0 {
		return at
	}
	at += b.Start
	rest := b.Source
	for line := st.Line; line > 1; line-- {
		i := strings.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		at, rest = at+i+1, rest[i+1:]
	}
	return at + len(rest) - len(strings.TrimLeft(rest, " \t"))
}

// ordinary reviews the usual statement of a body; of anything else it says nothing, and gives false.
func (r *reviewer) ordinary(l leaf, sql string, depth int) bool {
	st, n, ok := sqltext.Inside(sql)
	if !ok {
		return false
	}
	l.node, l.sql, l.kind = n, st.SQL, st.Kind
	l.refuses, l.probed = st.Transactional == sqltext.NoTransaction, false
	l.start = l.base + st.Start
	r.leaf(l, depth+1)
	return true
}

// fragment reviews SQL that stands inside something else.
func (r *reviewer) fragment(l leaf, sql string, depth int) {
	s, err := sqltext.Parse([]byte(sql))
	if e := sqltext.AsSyntaxError(err); e != nil && e.Code != sqltext.CodeInBlock {
		r.cannot(l, unreviewable(), "inside a body: "+e.Message)
		return
	}
	for i, st := range s.Statements {
		inner := l
		inner.node, inner.sql, inner.kind = s.Node(i), st.SQL, st.Kind
		inner.refuses, inner.probed = st.Transactional == sqltext.NoTransaction, false
		if l.exact {
			inner.start = l.base + st.Start
		}
		r.leaf(inner, depth+1)
	}
}

// expression looks for calls in a condition, an assignment or a PERFORM.
func (r *reviewer) expression(l leaf, depth int) {
	if r.state.callsNothing(l.sql) && !saysWith(l.sql) {
		return
	}
	s, err := sqltext.Parse([]byte(l.sql))
	if err != nil || len(s.Statements) == 0 {
		return // a cursor's or array's own syntax; it executes nothing that changes the schema
	}
	l.exact, l.guarded, l.doubt, l.node = false, true, true, s.Node(0)
	if len(calls(l.node)) > 0 || len(inner(l.node)) > 0 {
		r.inside(l, depth+1)
	}
}

// execute folds EXECUTE of a constant; anything computed is unreviewable.
func (r *reviewer) execute(l leaf, depth int) {
	s, err := sqltext.Parse([]byte("SELECT " + l.sql))
	if err != nil || len(s.Statements) != 1 {
		r.cannot(l, dynamicSQL(), "EXECUTE of something that cannot be read")
		return
	}
	var sql string
	ok := false
	if targets := s.Node(0).GetSelectStmt().GetTargetList(); len(targets) == 1 {
		sql, ok = fold(targets[0].GetResTarget().GetVal(), 0)
	}
	if !ok {
		r.cannot(l, dynamicSQL(), "EXECUTE of a string that is put together while it runs")
		return
	}
	l.exact = false
	r.fragment(l, sql, depth+1)
}

// fold computes a string from constants, ||, and format with constants.
func fold(n *pg.Node, depth int) (string, bool) {
	if n == nil || depth > 1000 {
		return "", false
	}
	if c := n.GetAConst(); c.GetSval() != nil {
		return c.GetSval().GetSval(), true
	}
	if c := n.GetTypeCast(); c != nil && lastName(c.GetTypeName().GetNames()) == "text" {
		return fold(c.GetArg(), depth+1)
	}
	if e := n.GetAExpr(); e != nil && lastName(e.GetName()) == "||" {
		left, ok1 := fold(e.GetLexpr(), depth+1)
		right, ok2 := fold(e.GetRexpr(), depth+1)
		return left + right, ok1 && ok2 && len(left)+len(right) <= sqltext.MaxBytes
	}
	if c := n.GetFuncCall(); c != nil && calledName(c) == "format" && len(c.GetArgs()) > 0 {
		return foldFormat(c.GetArgs(), depth)
	}
	return "", false
}

func foldFormat(args []*pg.Node, depth int) (string, bool) {
	pattern, ok := fold(args[0], depth+1)
	if !ok {
		return "", false
	}
	var out strings.Builder
	next := 1
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			out.WriteByte(pattern[i])
			continue
		}
		i++
		if i < len(pattern) && pattern[i] == '%' {
			out.WriteByte('%')
			continue
		}
		if i >= len(pattern) || next >= len(args) {
			return "", false
		}
		value, ok := fold(args[next], depth+1)
		if next++; !ok {
			return "", false
		}
		switch pattern[i] {
		case 's':
			out.WriteString(value)
		case 'I':
			out.WriteString(`"` + strings.ReplaceAll(value, `"`, `""`) + `"`)
		case 'L':
			out.WriteString("'" + strings.ReplaceAll(value, "'", "''") + "'")
		default:
			return "", false
		}
	}
	return out.String(), true
}
