// Package syntax reads PostgreSQL's parse tree: names, types and their conversions, columns, expressions. It knows no
// database.
package syntax

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"fairlead/internal/sqltext"
)

// ParseExpression gives the tree of an expression that the catalog printed.
func ParseExpression(text string) *pg.Node {
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

// ImpliesNotNull says whether an expression that is never false can only hold when the column is not null. A comparison
// proves nothing: for a CHECK, null passes.
func ImpliesNotNull(e *pg.Node, column string) bool {
	if t := e.GetNullTest(); t != nil {
		return t.GetNulltesttype() == pg.NullTestType_IS_NOT_NULL && ColumnOf(t.GetArg()) == column
	}
	b := e.GetBoolExpr()
	return b.GetBoolop() == pg.BoolExprType_AND_EXPR &&
		slices.ContainsFunc(b.GetArgs(), func(a *pg.Node) bool { return ImpliesNotNull(a, column) })
}

// ColumnOf gives the column that an expression is, or "".
func ColumnOf(n *pg.Node) string {
	return LastName(n.GetColumnRef().GetFields())
}

// AlwaysTrue recognises WHERE true, WHERE 1 = 1 and the like.
func AlwaysTrue(n *pg.Node) bool {
	if n == nil {
		return true
	}
	if b := n.GetAConst().GetBoolval(); b != nil {
		return b.GetBoolval()
	}
	if e := n.GetAExpr(); e != nil && len(e.GetName()) == 1 && e.GetName()[0].GetString_().GetSval() == "=" {
		l, r := Constant(e.GetLexpr()), Constant(e.GetRexpr())
		if l != "" && l == r {
			return true
		}
		lc, rc := ColumnOf(e.GetLexpr()), ColumnOf(e.GetRexpr())
		return lc != "" && lc == rc && len(e.GetLexpr().GetColumnRef().GetFields()) == 1 &&
			len(e.GetRexpr().GetColumnRef().GetFields()) == 1
	}
	return false
}

// Constant gives a constant as one text with its kind before it, or "".
func Constant(n *pg.Node) string {
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

// Calls lists the functions that a tree calls, by their last name.
func Calls(n *pg.Node) []*pg.FuncCall {
	var out []*pg.FuncCall
	if n == nil {
		return nil
	}
	sqltext.Walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
		if c, ok := m.Interface().(*pg.FuncCall); ok {
			out = append(out, c)
		}
		return true
	})
	return out
}

// CalledName is the last part of the name of a function that is called.
func CalledName(c *pg.FuncCall) string { return LastName(c.GetFuncname()) }

// Inner lists data-modifying statements inside another one (WITH x AS (DELETE …)).
func Inner(n *pg.Node) []*pg.Node {
	var out []*pg.Node
	top := n.ProtoReflect()
	sqltext.Walk(top, func(m protoreflect.Message) bool {
		node, ok := m.Interface().(*pg.Node)
		if ok && m != top && (node.GetDeleteStmt() != nil || node.GetUpdateStmt() != nil ||
			node.GetInsertStmt() != nil) {
			out = append(out, node)
			return false
		}
		return true
	})
	return out
}

// ColumnsOf lists the columns that an expression names, each once.
func ColumnsOf(n *pg.Node) []string {
	var out []string
	if n == nil {
		return nil
	}
	sqltext.Walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
		if c, ok := m.Interface().(*pg.ColumnRef); ok {
			if column := LastName(c.GetFields()); column != "" {
				out = append(out, column)
			}
		}
		return true
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// Strings gives the strings of a list.
func Strings(all []*pg.Node) []string {
	var out []string
	for _, n := range all {
		out = append(out, n.GetString_().GetSval())
	}
	return out
}

// LastName is the last part of a dotted name.
func LastName(parts []*pg.Node) string {
	_, n := sqltext.QualifiedName(parts)
	return n
}

// Written gives the relation whose rows a statement writes, or nil.
func Written(n *pg.Node) *pg.RangeVar {
	return cmp.Or(n.GetInsertStmt().GetRelation(), n.GetUpdateStmt().GetRelation(), n.GetDeleteStmt().GetRelation(),
		n.GetMergeStmt().GetRelation(), n.GetCopyStmt().GetRelation())
}
