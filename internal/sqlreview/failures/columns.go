package failures

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqltext"
)

// namePass looks at what a statement names: relations, types, functions, roles, and the columns of its queries.
type namePass struct {
	*pass
	// withNames are the queries of WITH clauses, while columns are looked for.
	withNames []string
}

// scope is what a query can name: its FROM items, by the name they go by. An item without columns may have any.
type scope struct {
	items map[string][]string
	// open says that something else may give columns, too.
	open bool
	up   *scope
}

func (c *scope) add(n string, columns []string) {
	if n == "" || columns == nil {
		c.open = true
	}
	if n != "" {
		c.items[n] = columns
	}
}

// checkColumns claims that a query names a column that no table of its scope has. In a body nobody can tell a column
// from a variable.
func (p *namePass) checkColumns(n *pg.Node) {
	if p.InBody || p.state.Catalog == nil || p.state.Uncertain {
		return
	}
	p.query(n, nil)
}

func within(up *scope) *scope { return &scope{items: map[string][]string{}, up: up} }

// query looks at one query, or at any other node with the scope around it.
func (p *namePass) query(n *pg.Node, up *scope) {
	switch {
	case n == nil:
	case n.GetSelectStmt() != nil:
		p.selected(n.GetSelectStmt(), up)
	case n.GetUpdateStmt() != nil:
		u := n.GetUpdateStmt()
		c := within(up)
		p.withs(u.GetWithClause(), c)
		p.from(&pg.Node{Node: &pg.Node_RangeVar{RangeVar: u.GetRelation()}}, c)
		p.fromAll(u.GetFromClause(), c)
		p.expressions(c, append(append(slices.Clone(u.GetTargetList()), u.GetReturningList()...),
			u.GetWhereClause())...)
	case n.GetDeleteStmt() != nil:
		d := n.GetDeleteStmt()
		c := within(up)
		p.withs(d.GetWithClause(), c)
		p.from(&pg.Node{Node: &pg.Node_RangeVar{RangeVar: d.GetRelation()}}, c)
		p.fromAll(d.GetUsingClause(), c)
		p.expressions(c, append(slices.Clone(d.GetReturningList()), d.GetWhereClause())...)
	case n.GetInsertStmt() != nil:
		i := n.GetInsertStmt()
		c := within(up)
		p.withs(i.GetWithClause(), c)
		p.query(i.GetSelectStmt(), c)
	}
}

func (p *namePass) withs(w *pg.WithClause, c *scope) {
	for _, x := range w.GetCtes() {
		c.items[x.GetCommonTableExpr().GetCtename()] = nil
		p.query(x.GetCommonTableExpr().GetCtequery(), c)
	}
	for _, x := range w.GetCtes() {
		// their names are no FROM items; what reads them is open by itself
		delete(c.items, x.GetCommonTableExpr().GetCtename())
		p.withNames = append(p.withNames, x.GetCommonTableExpr().GetCtename())
	}
}

func (p *namePass) selected(s *pg.SelectStmt, up *scope) {
	if s == nil {
		return
	}
	c := within(up)
	p.withs(s.GetWithClause(), c)
	if s.GetLarg() != nil {
		p.selected(s.GetLarg(), c)
		p.selected(s.GetRarg(), c)
		return
	}
	p.fromAll(s.GetFromClause(), c)
	for _, f := range s.GetFromClause() {
		p.joins(f, c)
	}
	p.expressions(c, s.GetTargetList()...)
	p.expressions(c, s.GetWhereClause())
	p.expressions(c, s.GetValuesLists()...)
	// GROUP BY, HAVING and ORDER BY may name what the query puts out.
}

func (p *namePass) fromAll(all []*pg.Node, c *scope) {
	for _, f := range all {
		p.from(f, c)
	}
}

func (p *namePass) from(f *pg.Node, c *scope) {
	switch {
	case f.GetRangeVar() != nil:
		r := f.GetRangeVar()
		as := r.GetRelname()
		if r.GetAlias() != nil {
			as = r.GetAlias().GetAliasname()
		}
		n := p.state.Named(r)
		if t := p.state.Table(n); t != nil && p.state.ColumnsKnown(n) && len(r.GetAlias().GetColnames()) == 0 &&
			(r.GetSchemaname() != "" || !slices.Contains(p.withNames, r.GetRelname())) {
			columns := slices.Clone(systemColumns())
			for _, column := range t.Columns {
				columns = append(columns, column.Name)
			}
			c.add(as, columns)
			return
		}
		c.add(as, nil)
	case f.GetJoinExpr() != nil:
		p.from(f.GetJoinExpr().GetLarg(), c)
		p.from(f.GetJoinExpr().GetRarg(), c)
		if f.GetJoinExpr().GetAlias() != nil {
			c.add(f.GetJoinExpr().GetAlias().GetAliasname(), nil)
		}
	case f.GetRangeSubselect() != nil:
		c.add(f.GetRangeSubselect().GetAlias().GetAliasname(), nil)
		p.query(f.GetRangeSubselect().GetSubquery(), c)
	default:
		// a function, a table sample
		c.open = true
	}
}

func (p *namePass) joins(f *pg.Node, c *scope) {
	if j := f.GetJoinExpr(); j != nil {
		p.joins(j.GetLarg(), c)
		p.joins(j.GetRarg(), c)
		p.expressions(c, j.GetQuals())
	}
}

// expressions looks at columns, and at queries inside with the scope around them.
func (p *namePass) expressions(c *scope, all ...*pg.Node) {
	for _, n := range all {
		if n == nil {
			continue
		}
		sqltext.Walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
			switch x := m.Interface().(type) {
			case *pg.SubLink:
				p.expressions(c, x.GetTestexpr())
				p.query(x.GetSubselect(), c)
				return false
			case *pg.ColumnRef:
				p.column(x, c)
			}
			return true
		})
	}
}

func (p *namePass) column(x *pg.ColumnRef, c *scope) {
	fields := x.GetFields()
	switch len(fields) {
	case 1:
		n := fields[0].GetString_().GetSval()
		if n == "" {
			// a star
			return
		}
		for at := c; at != nil; at = at.up {
			if at.open {
				return
			}
			if _, whole := at.items[n]; whole {
				return
			}
			for _, columns := range at.items {
				if slices.Contains(columns, n) {
					return
				}
			}
		}
		p.fail(true, "column %q does not exist", n)
	case 2:
		of, n := fields[0].GetString_().GetSval(), fields[1].GetString_().GetSval()
		if of == "" || n == "" {
			return
		}
		for at := c; at != nil; at = at.up {
			if columns, ok := at.items[of]; ok {
				p.fail(columns != nil && !slices.Contains(columns, n) && !p.attribute(n), "column %s.%s does not exist",
					of, n)
				return
			}
		}
	}
}

// attribute says whether t.n may be a call of n(t).
func (p *namePass) attribute(n string) bool {
	return len(p.state.Functions[n]) > 0 || slices.ContainsFunc(p.state.Catalog.Functions,
		func(f catalog.Function) bool { return f.Name == n })
}

func systemColumns() []string { return []string{"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"} }
