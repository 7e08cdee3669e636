package sqlreview

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/rules"
	"fairlead/internal/sqlreview/schema"
	"fairlead/internal/sqlreview/syntax"
	"fairlead/internal/sqltext"
)

// inside follows what a statement executes besides itself: the body of a DO block, functions that the script made and
// calls, data-modifying CTEs.
func (r *reviewer) inside(l schema.Statement, depth int) {
	switch {
	case l.Node.GetDoStmt() != nil:
		r.body(l, depth)
		return
	case l.Node.GetCreateFunctionStmt() != nil:
		// its body runs when somebody calls it
		return
	case l.Node.GetCallStmt() != nil:
		if n := syntax.CalledName(l.Node.GetCallStmt().GetFunccall()); len(r.state.Functions[n]) == 0 {
			r.unreadable(l, rules.Fixed(rules.Unreviewable),
				fmt.Sprintf("procedure %s is not made here; its body is not known", n))
		}
	}
	plain := plainKind(l.Kind)
	if !plain || !r.state.CallsNothing(l.SQL) {
		for _, c := range syntax.Calls(l.Node) {
			r.called(l, c, depth)
		}
	}
	if plain && !saysWith(l.SQL) {
		return
	}
	for _, n := range syntax.Inner(l.Node) {
		nested := l
		nested.Node, nested.Nested = n, true
		r.execute(nested, depth+1)
	}
}

// plainKind says whether only a WITH clause can hold another statement in one of that kind.
func plainKind(kind string) bool {
	switch kind {
	case "INSERT", "UPDATE", "DELETE", "SELECT", "ALTER TABLE", "CREATE TABLE", "CREATE INDEX", "CREATE UNIQUE INDEX",
		"DROP TABLE", "DROP INDEX", "SET", "COMMENT":
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

// called reviews the body of a function that the script made, as executed here.
func (r *reviewer) called(l schema.Statement, c *pg.FuncCall, depth int) {
	n := syntax.CalledName(c)
	if schema.KnownBody(n) {
		return
	}
	if slices.Contains(schema.StringRunners(), n) {
		r.unreadable(l, rules.Fixed(rules.DynamicSQL), n+"() runs SQL that it gets as a string")
	}
	for _, f := range r.state.Functions[n] {
		if f.Running {
			continue
		}
		f.Running = true
		body := f.Statement
		body.Unit, body.Alone, body.Index = l.Unit, l.Alone, l.Index
		r.body(body, depth)
		f.Running = false
	}
}

// standardBody reviews BEGIN ATOMIC … END, or RETURN, of a function: its statements stand in the tree.
func (r *reviewer) standardBody(l schema.Statement, n *pg.Node, depth int) {
	if all := n.GetList().GetItems(); len(all) > 0 {
		for _, x := range all {
			r.standardBody(l, x, depth)
		}
		return
	}
	l.Node, l.InBody, l.Exact, l.Kind = n, true, false, "statement of a function"
	r.execute(l, depth+1)
}

// body opens a DO block or function and reviews what it executes.
func (r *reviewer) body(l schema.Statement, depth int) {
	b, err := sqltext.BodyOf(l.Node, l.SQL)
	if err != nil {
		if body := l.Node.GetCreateFunctionStmt().GetSqlBody(); body != nil {
			r.standardBody(l, body, depth)
			return
		}
		r.unreadable(l, rules.Fixed(rules.Unreviewable), err.Error())
		return
	}
	when := r.recorded(l, b)
	if when == isApplied {
		return
	}
	for _, st := range b.Statements {
		inner := l
		inner.Doubt = l.Doubt || st.Guarded && when != isPending
		inner.InBody, inner.Guarded, inner.Exact = true, l.Guarded || st.Guarded, st.Offset >= 0
		inner.SQL, inner.Kind = st.SQL, "EXECUTE"
		inner.Start, inner.Base = r.bodyPlace(l, b, st), 0
		if st.Offset >= 0 {
			inner.Base = inner.Start
		}
		switch st.Kind {
		case sqltext.BodySQL:
			if b.Language != "plpgsql" || !inner.Exact || !r.plain(inner, st.SQL, depth) {
				r.fragment(inner, st.SQL, depth)
			}
		case sqltext.BodyExecute:
			r.dynamic(inner, depth)
		case sqltext.BodyExpression:
			r.expression(inner, depth)
		}
	}
}

// bodyPlace finds a body's statement in the file: its byte, or else its line.
func (r *reviewer) bodyPlace(l schema.Statement, b sqltext.Body, st sqltext.BodyStatement) int {
	if !l.Exact && l.Base == 0 {
		return l.Start
	}
	if st.Offset >= 0 {
		return l.Start + st.Offset
	}
	at := l.Start
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

// plain reviews the usual statement of a body; of anything else it says nothing, and gives false.
func (r *reviewer) plain(l schema.Statement, sql string, depth int) bool {
	st, n, ok := sqltext.Inside(sql)
	if !ok {
		return false
	}
	l.Node, l.SQL, l.Kind = n, st.SQL, st.Kind
	l.Refuses, l.Probed = st.Transactional == sqltext.NoTransaction, false
	l.Start = l.Base + st.Start
	r.execute(l, depth+1)
	return true
}

// fragment reviews SQL that stands inside something else.
func (r *reviewer) fragment(l schema.Statement, sql string, depth int) {
	s, err := sqltext.Parse([]byte(sql))
	if e := sqltext.AsSyntaxError(err); e != nil && e.Code != sqltext.CodeInBlock {
		r.unreadable(l, rules.Fixed(rules.Unreviewable), "inside a body: "+e.Message)
		return
	}
	for i, st := range s.Statements {
		inner := l
		inner.Node, inner.SQL, inner.Kind = s.Node(i), st.SQL, st.Kind
		inner.Refuses, inner.Probed = st.Transactional == sqltext.NoTransaction, false
		if l.Exact {
			inner.Start = l.Base + st.Start
		}
		r.execute(inner, depth+1)
	}
}

// expression looks for calls in a condition, an assignment or a PERFORM.
func (r *reviewer) expression(l schema.Statement, depth int) {
	if r.state.CallsNothing(l.SQL) && !saysWith(l.SQL) {
		return
	}
	s, err := sqltext.Parse([]byte(l.SQL))
	if err != nil || len(s.Statements) == 0 {
		// a cursor's or array's own syntax; it executes nothing that changes the schema
		return
	}
	l.Exact, l.Guarded, l.Doubt, l.Node = false, true, true, s.Node(0)
	if len(syntax.Calls(l.Node)) > 0 || len(syntax.Inner(l.Node)) > 0 {
		r.inside(l, depth+1)
	}
}

// dynamic folds EXECUTE of a constant; anything computed is unreviewable.
func (r *reviewer) dynamic(l schema.Statement, depth int) {
	s, err := sqltext.Parse([]byte("SELECT " + l.SQL))
	if err != nil || len(s.Statements) != 1 {
		r.unreadable(l, rules.Fixed(rules.DynamicSQL), "EXECUTE of something that cannot be read")
		return
	}
	var sql string
	ok := false
	if targets := s.Node(0).GetSelectStmt().GetTargetList(); len(targets) == 1 {
		sql, ok = fold(targets[0].GetResTarget().GetVal(), 0)
	}
	if !ok {
		r.unreadable(l, rules.Fixed(rules.DynamicSQL), "EXECUTE of a string that is put together while it runs")
		return
	}
	l.Exact = false
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
	if c := n.GetTypeCast(); c != nil && syntax.LastName(c.GetTypeName().GetNames()) == "text" {
		return fold(c.GetArg(), depth+1)
	}
	if e := n.GetAExpr(); e != nil && syntax.LastName(e.GetName()) == "||" {
		left, ok1 := fold(e.GetLexpr(), depth+1)
		right, ok2 := fold(e.GetRexpr(), depth+1)
		return left + right, ok1 && ok2 && len(left)+len(right) <= sqltext.MaxBytes
	}
	if c := n.GetFuncCall(); c != nil && syntax.CalledName(c) == "format" && len(c.GetArgs()) > 0 {
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
