package sqlneeds

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"fairlead/internal/sqltext"
)

// An Outside is a place of a script that could reach beyond the database that it runs in.
type Outside struct {
	Line   int
	What   string // like "COPY with PROGRAM runs a program"
	Shared bool   // it stays on its server: roles, other databases, settings of the server
	Unread bool   // what it does is put together while it runs and cannot be read before
}

// String says where and what.
func (o Outside) String() string { return fmt.Sprintf("line %d: %s", o.Line, o.What) }

// OutsideEffects lists what a script does, or could do, beyond the database that it runs in: programs, files and other
// servers first of all; then what belongs to a whole server; then text that is put together while the script runs. The
// bodies of blocks and functions of the script are read; those of functions that the database has already are not. A
// script that the parser does not know is one text that cannot be read.
func OutsideEffects(s sqltext.Script) []Outside {
	s, err := s.Parsed()
	if err != nil {
		o := Outside{Line: 1, What: "a text that cannot be read: " + err.Error(), Unread: true}
		if e := sqltext.AsSyntaxError(err); e != nil {
			o.Line, _ = s.Position(e.Offset)
		}
		return []Outside{o}
	}
	var all []Outside
	for _, st := range s.Statements {
		l := &scanner{line: st.Line}
		l.statement(s.Node(st.Index), st.SQL, 0)
		all = append(all, l.found...)
	}
	return all
}

// maxBodies is how deep blocks within texts within blocks are followed.
const maxBodies = 4

// A scanner looks at one statement of a script.
type scanner struct {
	line  int
	found []Outside
}

func (l *scanner) add(o Outside) {
	o.Line = l.line
	if !slices.Contains(l.found, o) {
		l.found = append(l.found, o)
	}
}

func (l *scanner) elsewhere(format string, args ...any) {
	l.add(Outside{What: fmt.Sprintf(format, args...)})
}

func (l *scanner) server(format string, args ...any) {
	l.add(Outside{What: fmt.Sprintf(format, args...), Shared: true})
}

func (l *scanner) unread(format string, args ...any) {
	l.add(Outside{What: fmt.Sprintf(format, args...), Unread: true})
}

func (l *scanner) statement(n *pg.Node, sql string, depth int) {
	if n == nil {
		l.unread("a statement that cannot be read")
		return
	}
	visit(n.ProtoReflect(), func(m protoreflect.Message) {
		switch v := m.Interface().(type) {
		case *pg.Node:
			l.kind(v)
		case *pg.FuncCall:
			l.call(v)
		}
	})
	if n.GetDoStmt() != nil || n.GetCreateFunctionStmt() != nil {
		l.body(n, sql, depth)
	}
}

// body looks into a block or function.
func (l *scanner) body(n *pg.Node, sql string, depth int) {
	if n.GetCreateFunctionStmt().GetSqlBody() != nil {
		return // its statements are part of the tree
	}
	b, err := sqltext.BodyOf(n, sql)
	switch {
	case slices.Contains([]string{"c", "internal"}, b.Language), strings.HasSuffix(b.Language, "u") &&
		strings.HasPrefix(b.Language, "pl"), b.Language == "plsh", b.Language == "plr":
		l.elsewhere("code in the language %s, which may do anything", b.Language)
		return
	case err != nil, depth >= maxBodies:
		l.unread("a body in the language %s that cannot be read", b.Language)
		return
	}
	for _, st := range b.Statements {
		switch st.Kind {
		case sqltext.BodyCommit:
		case sqltext.BodyExecute:
			text, ok := fixedText("SELECT " + st.SQL)
			if !ok {
				l.unread("EXECUTE of a text that is put together while the script runs")
				continue
			}
			l.text(text, depth+1)
		case sqltext.BodySQL:
			l.text(st.SQL, depth+1)
		default:
			expression := st.SQL
			if !strings.HasPrefix(expression, "SELECT ") {
				expression = "SELECT " + expression
			}
			l.text(expression, depth+1)
		}
	}
}

// text looks at SQL that stands inside something.
func (l *scanner) text(sql string, depth int) {
	s, err := sqltext.Parse([]byte(sql))
	if err != nil {
		l.unread("a part of a body that cannot be read")
		return
	}
	for _, st := range s.Statements {
		l.statement(s.Node(st.Index), st.SQL, depth)
	}
}

func visit(m protoreflect.Message, see func(protoreflect.Message)) {
	if !m.IsValid() {
		return
	}
	see(m)
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				visit(v.List().Get(i).Message(), see)
			}
		default:
			visit(v.Message(), see)
		}
		return true
	})
}

// fixedText gives the text that an expression always has, as far as that can be read: constants, put together by || or
// format() with names and literals, for which stand-ins are taken.
func fixedText(sql string) (string, bool) {
	s, err := sqltext.Parse([]byte(sql))
	if err != nil || len(s.Statements) != 1 {
		return "", false
	}
	targets := s.Node(0).GetSelectStmt().GetTargetList()
	if len(targets) != 1 {
		return "", false
	}
	return fixed(targets[0].GetResTarget().GetVal())
}

func fixed(n *pg.Node) (string, bool) {
	if c := n.GetAConst(); c.GetSval() != nil {
		return c.GetSval().GetSval(), true
	}
	if e := n.GetAExpr(); e != nil && len(e.GetName()) == 1 && e.GetName()[0].GetString_().GetSval() == "||" {
		left, ok := fixed(e.GetLexpr())
		right, and := fixed(e.GetRexpr())
		return left + right, ok && and
	}
	call := n.GetFuncCall()
	switch name := called(call); {
	case name == "quote_ident":
		return "x", true
	case name == "quote_literal", name == "quote_nullable":
		return "'x'", true
	case name == "format" && len(call.GetArgs()) > 0:
		text, ok := fixed(call.GetArgs()[0])
		if !ok {
			return "", false
		}
		text = strings.NewReplacer("%%", "%", "%I", "x", "%L", "'x'", "%1$I", "x", "%2$I", "x", "%3$I", "x", "%1$L",
			"'x'", "%2$L", "'x'", "%3$L", "'x'").Replace(text)
		return text, !strings.Contains(text, "%")
	}
	return "", false
}

func called(c *pg.FuncCall) string {
	parts := c.GetFuncname()
	if len(parts) == 0 {
		return ""
	}
	return strings.ToLower(parts[len(parts)-1].GetString_().GetSval())
}
