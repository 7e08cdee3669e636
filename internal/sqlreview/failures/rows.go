package failures

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/schema"
	"fairlead/internal/sqlreview/syntax"
)

func (p *pass) checkRows(n *pg.Node) {
	relation := syntax.Written(n)
	p.failIf(violated)
	if relation == nil || p.absent(relation) {
		return
	}
	t := p.state.Named(relation)
	if !p.state.ColumnsKnown(t) {
		return
	}
	for _, target := range slices.Concat(n.GetInsertStmt().GetCols(), n.GetUpdateStmt().GetTargetList()) {
		column := target.GetResTarget().GetName()
		p.fail(column != "" && p.state.Table(t).Column(column) == nil, "column %q of %s does not exist", column, t)
	}
	if n.GetInsertStmt() != nil {
		p.checkInsert(n.GetInsertStmt(), p.state.Table(t))
	}
}

// checkInsert claims that an INSERT of rows that it names leaves out a column that must have a value, or relies on a
// unique index that is not there.
func (p *pass) checkInsert(i *pg.InsertStmt, t *catalog.Table) {
	if t.Kind != catalog.KindTable && t.Kind != catalog.KindPartitioned {
		return
	}
	if at := i.GetOnConflictClause().GetInfer(); at != nil && at.GetConname() == "" && at.GetWhereClause() == nil {
		p.checkConflict(at, t)
	}
	rows := i.GetSelectStmt().GetSelectStmt().GetValuesLists()
	// DEFAULT VALUES
	defaults := i.GetSelectStmt() == nil
	if !defaults && (len(i.GetCols()) == 0 || len(rows) == 0) || len(t.Triggers) > 0 || t.Partition ||
		t.Kind == catalog.KindPartitioned {
		return
	}
	for _, c := range t.Columns {
		given := slices.ContainsFunc(i.GetCols(), func(x *pg.Node) bool { return x.GetResTarget().GetName() == c.Name })
		p.fail(c.NotNull && !c.HasDefault && !c.Generated && !given && !p.state.DomainOf(c),
			"column %q of %s must have a value", c.Name, t.Name)
	}
}

func (p *pass) checkConflict(at *pg.InferClause, t *catalog.Table) {
	var want []string
	for _, e := range at.GetIndexElems() {
		column := e.GetIndexElem().GetName()
		if column == "" {
			return
		}
		want = append(want, column)
	}
	want = schema.Distinct(want)
	found := slices.ContainsFunc(t.Indexes, func(x catalog.Index) bool {
		return x.Unique && !x.Partial && slices.Equal(schema.Distinct(x.Columns), want)
	})
	p.fail(!found, "no unique constraint of %s matches ON CONFLICT (%s)", t.Name, strings.Join(want, ", "))
}

func (p *pass) checkTruncate(t *pg.TruncateStmt) {
	var all []catalog.Ref
	for _, r := range t.GetRelations() {
		if p.absent(r.GetRangeVar()) {
			return
		}
		all = append(all, p.state.Named(r.GetRangeVar()))
	}
	for _, n := range all {
		for _, other := range p.state.ReferencedBy(n) {
			p.fail(t.GetBehavior() != pg.DropBehavior_DROP_CASCADE && !slices.Contains(all, other),
				"%s is referenced by a foreign key of %s", n, other)
		}
	}
}

func (p *pass) checkIndex(i *pg.IndexStmt) {
	if p.absent(i.GetRelation()) {
		return
	}
	n := p.state.Named(i.GetRelation())
	t := p.state.Table(n)
	if x := t.Index(i.GetIdxname()); x != nil && !x.Valid {
		p.failIf("the invalid index of that Ref, left by a build that was broken off, is not removed first")
		return
	}
	if i.GetIdxname() != "" && p.taken(n.WithName(i.GetIdxname()), i.GetIfNotExists()) {
		return
	}
	if i.GetUnique() {
		p.failIf(violated)
	}
	for _, e := range i.GetIndexParams() {
		for _, c := range syntax.Calls(e.GetIndexElem().GetExpr()) {
			v := p.state.Volatility(c)
			p.fail(v == "v" && len(p.state.Functions[syntax.CalledName(c)]) < 2,
				"%s() is not immutable, so no index can be built on it", syntax.CalledName(c))
			if v != "i" {
				p.failIf("a function of the index is not immutable")
			}
		}
	}
	if t == nil {
		return
	}
	p.fail(t.Kind == catalog.KindView, "%s is a view and can have no index", n)
	if !p.state.ColumnsKnown(n) {
		return
	}
	for _, e := range i.GetIndexParams() {
		if column := e.GetIndexElem().GetName(); column != "" {
			p.fail(t.Column(column) == nil, "column %q does not exist", column)
		}
	}
	used := syntax.ColumnsOf(i.GetWhereClause())
	for _, e := range i.GetIndexParams() {
		used = append(used, syntax.ColumnsOf(e.GetIndexElem().GetExpr())...)
	}
	for _, e := range i.GetIndexIncludingParams() {
		used = append(used, e.GetIndexElem().GetName())
	}
	for _, column := range used {
		p.fail(column != "" && t.Column(column) == nil && column != t.Name && !slices.Contains(systemColumns(), column),
			"column %q does not exist", column)
	}
}
