package sqlreview

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// foreseeFailure claims what is known to be refused, before anything else is claimed.
func (p *pass) foreseeFailure() {
	n := p.node
	if since, what := newSyntax(n); since > 0 && p.state.catalog != nil && p.state.catalog.ServerVersion > 0 && p.state.catalog.ServerVersion < since {
		p.fail(true, fmt.Sprintf("%s needs PostgreSQL %d, the server is %d", what, since/10000, p.state.catalog.ServerVersion/10000))
	}
	switch {
	case n.GetAlterTableStmt() != nil:
		p.failAlter(n.GetAlterTableStmt())
	case n.GetCreateStmt() != nil:
		p.failCreate(n.GetCreateStmt())
	case n.GetIndexStmt() != nil:
		p.failIndex(n.GetIndexStmt())
	case n.GetDropStmt() != nil:
		p.failDrop(n.GetDropStmt())
	case n.GetRenameStmt() != nil:
		p.failRename(n.GetRenameStmt())
	case n.GetTruncateStmt() != nil:
		p.failTruncate(n.GetTruncateStmt())
	case n.GetInsertStmt() != nil, n.GetUpdateStmt() != nil, n.GetDeleteStmt() != nil, n.GetMergeStmt() != nil, n.GetCopyStmt() != nil:
		p.failRows(n)
	default:
		p.failRest(n)
	}
	p.failNamed()
}

func (p *pass) absent(r *pg.RangeVar) bool {
	if r == nil {
		return false
	}
	n := p.state.named(r)
	if p.state.missing(n) {
		p.fail(true, fmt.Sprintf("relation %s does not exist", n))
	}
	return p.claims.Fails != ""
}

func (p *pass) taken(n name, guarded bool) bool {
	there := p.state.present(n)
	if there && !guarded {
		p.fail(!p.state.murky, fmt.Sprintf("relation %s already exists", n))
	}
	return there
}

func (p *pass) failRest(n *pg.Node) {
	switch {
	case n.GetViewStmt() != nil:
		p.failView(n.GetViewStmt())
	case n.GetCreateTableAsStmt() != nil:
		if r := n.GetCreateTableAsStmt().GetInto().GetRel(); r.GetRelpersistence() != "t" {
			p.taken(p.state.made(r), n.GetCreateTableAsStmt().GetIfNotExists())
		}
	case n.GetCreateTrigStmt() != nil:
		t := n.GetCreateTrigStmt()
		if !p.absent(t.GetRelation()) && !t.GetReplace() {
			p.fail(p.state.table(p.state.named(t.GetRelation())).trigger(t.GetTrigname()) != nil, fmt.Sprintf("trigger %s already exists", t.GetTrigname()))
		}
	case n.GetCreatePolicyStmt() != nil:
		p.absent(n.GetCreatePolicyStmt().GetTable())
		p.failIf("a policy of that name exists")
	case n.GetAlterPolicyStmt() != nil:
		p.absent(n.GetAlterPolicyStmt().GetTable())
	case n.GetRuleStmt() != nil:
		p.absent(n.GetRuleStmt().GetRelation())
	case n.GetLockStmt() != nil:
		for _, r := range n.GetLockStmt().GetRelations() {
			p.absent(r.GetRangeVar())
		}
	case n.GetRefreshMatViewStmt() != nil:
		p.absent(n.GetRefreshMatViewStmt().GetRelation())
	case n.GetClusterStmt() != nil:
		if !p.absent(n.GetClusterStmt().GetRelation()) && n.GetClusterStmt().GetIndexname() == "" {
			p.failIf("the table was never clustered")
		}
	default:
		p.failNames(n)
	}
}

// failNames is about things other than relations.
func (p *pass) failNames(n *pg.Node) {
	s := p.state
	switch {
	case n.GetCreateSchemaStmt() != nil:
		c := n.GetCreateSchemaStmt()
		p.fail(!c.GetIfNotExists() && (s.schemas[c.GetSchemaname()] || s.catalog != nil && slices.Contains(s.catalog.Schemas, c.GetSchemaname())),
			fmt.Sprintf("schema %s already exists", c.GetSchemaname()))
	case n.GetCreateExtensionStmt() != nil:
		c := n.GetCreateExtensionStmt()
		p.fail(!c.GetIfNotExists() && s.installed(c.GetExtname()), fmt.Sprintf("extension %s already exists", c.GetExtname()))
		p.fail(s.catalog != nil && s.catalog.Names != nil && !s.installed(c.GetExtname()) && !slices.Contains(s.catalog.Names.Available, c.GetExtname()),
			fmt.Sprintf("the server does not have extension %s", c.GetExtname()))
		p.failIf("the server does not have the extension, or the role may not create it")
	case n.GetCreateEnumStmt() != nil:
		p.typeTaken(n.GetCreateEnumStmt().GetTypeName())
	case n.GetCreateDomainStmt() != nil:
		p.typeTaken(n.GetCreateDomainStmt().GetDomainname())
	case n.GetCompositeTypeStmt() != nil:
		p.fail(s.typeExists(n.GetCompositeTypeStmt().GetTypevar().GetSchemaname(), n.GetCompositeTypeStmt().GetTypevar().GetRelname()),
			"type "+n.GetCompositeTypeStmt().GetTypevar().GetRelname()+" already exists")
	case n.GetAlterEnumStmt() != nil:
		p.failEnum(n.GetAlterEnumStmt())
	case n.GetCreateFunctionStmt() != nil:
		p.failIf("a function of that name and these arguments gives another type")
	case n.GetCreateSeqStmt() != nil:
		p.taken(s.made(n.GetCreateSeqStmt().GetSequence()), n.GetCreateSeqStmt().GetIfNotExists())
	case n.GetDropOwnedStmt() != nil:
		p.failIf("other objects depend on what is dropped")
	case n.GetAlterDomainStmt() != nil, n.GetCallStmt() != nil,
		n.GetCreatedbStmt() != nil, n.GetCreateRoleStmt() != nil, n.GetGrantStmt() != nil, n.GetGrantRoleStmt() != nil:
		p.failIf("rows, rights or other databases say so")
	}
}

func (s *state) typeExists(schema, n string) bool {
	if s.murky || s.droppedTypes[n] {
		return false
	}
	if s.types[n] {
		return true
	}
	if s.catalog == nil {
		return false
	}
	if schema == "" {
		schema = s.first()
	}
	return slices.ContainsFunc(s.catalog.Enums, func(e Enum) bool { return e.Schema == schema && e.Name == n }) ||
		slices.ContainsFunc(s.catalog.Domains, func(d Domain) bool { return d.Schema == schema && d.Name == n }) ||
		slices.Contains(s.catalog.Types, Ref{schema, n})
}

func (p *pass) typeTaken(parts []*pg.Node) {
	schema, n := qualifiedName(parts)
	p.fail(p.state.typeExists(schema, n), fmt.Sprintf("type %s already exists", n))
}

func (p *pass) failEnum(e *pg.AlterEnumStmt) {
	schema, n := qualifiedName(e.GetTypeName())
	p.fail(p.state.closed() && !p.state.hidden(schema) && !p.state.typeNamed(n), fmt.Sprintf("type %s does not exist", n))
	enum := p.state.enum(schema, n)
	if enum == nil || p.state.types[n] || p.state.murky {
		return
	}
	switch {
	case e.GetOldVal() != "":
		p.fail(!slices.Contains(enum.Labels, e.GetOldVal()) && !slices.Contains(p.state.added[n], e.GetOldVal()), fmt.Sprintf("%q is no label of %s", e.GetOldVal(), n))
	case !e.GetSkipIfNewValExists():
		p.fail(slices.Contains(enum.Labels, e.GetNewVal()) || slices.Contains(p.state.added[n], e.GetNewVal()), fmt.Sprintf("enum label %q already exists", e.GetNewVal()))
	}
}

func (s *state) enum(schema, n string) *Enum {
	if s.catalog == nil {
		return nil
	}
	for i := range s.catalog.Enums {
		e := &s.catalog.Enums[i]
		if e.Name == n && (e.Schema == schema || schema == "" && slices.Contains(s.path, e.Schema)) {
			return e
		}
	}
	return nil
}

func (p *pass) failView(v *pg.ViewStmt) {
	if v.GetView().GetRelpersistence() == "t" {
		return
	}
	n := p.state.made(v.GetView())
	if !p.taken(n, v.GetReplace()) || p.claims.Fails != "" {
		return
	}
	t := p.state.table(n)
	if t == nil || !p.state.whole(n) || t.Kind != KindView {
		return
	}
	targets := v.GetQuery().GetSelectStmt().GetTargetList()
	if len(targets) == 0 || slices.ContainsFunc(targets, func(x *pg.Node) bool { return isStar(x.GetResTarget().GetVal()) }) {
		p.failIf("columns of the view go away or change")
		return
	}
	p.fail(len(targets) < len(t.Columns) && len(v.GetAliases()) == 0, fmt.Sprintf("cannot drop columns from view %s", n))
	p.failIf("columns of the view change their name or type")
}

func isStar(n *pg.Node) bool {
	f := n.GetColumnRef().GetFields()
	return len(f) > 0 && f[len(f)-1].GetAStar() != nil
}

func (p *pass) failCreate(c *pg.CreateStmt) {
	if c.GetRelation().GetRelpersistence() != "t" {
		p.taken(p.state.made(c.GetRelation()), c.GetIfNotExists())
	}
	for _, parent := range c.GetInhRelations() {
		p.absent(parent.GetRangeVar())
	}
	if c.GetPartbound() != nil {
		p.failIf("its bound overlaps another one")
	}
	var constraints []*pg.Constraint
	for _, e := range c.GetTableElts() {
		if k := e.GetConstraint(); k != nil {
			constraints = append(constraints, k)
		}
		for _, k := range e.GetColumnDef().GetConstraints() {
			constraints = append(constraints, k.GetConstraint())
		}
		if like := e.GetTableLikeClause(); like != nil {
			p.absent(like.GetRelation())
		}
	}
	for _, k := range constraints {
		if k.GetContype() == pg.ConstrType_CONSTR_FOREIGN && p.state.named(k.GetPktable()) != p.state.made(c.GetRelation()) {
			p.failTarget(k)
			shadow := &Table{}
			for _, e := range c.GetTableElts() {
				if d := e.GetColumnDef(); d != nil {
					shadow.Columns = append(shadow.Columns, Column{Name: d.GetColname(), Type: serialBase(typeOf(d.GetTypeName())).String()})
				}
			}
			p.failKeyTypes(shadow, keyColumns(c, k), k)
		}
	}
}

// keyColumns gives the columns of a foreign key, also of one that stands at its column.
func keyColumns(c *pg.CreateStmt, k *pg.Constraint) []string {
	for _, e := range c.GetTableElts() {
		for _, x := range e.GetColumnDef().GetConstraints() {
			if x.GetConstraint() == k {
				return []string{e.GetColumnDef().GetColname()}
			}
		}
	}
	return names(k.GetFkAttrs())
}

// failTarget is about what a foreign key refers to: it must be there, and unique.
func (p *pass) failTarget(k *pg.Constraint) {
	if p.absent(k.GetPktable()) {
		return
	}
	n := p.state.named(k.GetPktable())
	t := p.state.table(n)
	if t == nil || !p.state.whole(n) || len(k.GetPkAttrs()) == 0 {
		p.fail(t != nil && p.state.whole(n) && len(k.GetPkAttrs()) == 0 && t.primary() == nil, fmt.Sprintf("there is no primary key for %s", n))
		return
	}
	want := names(k.GetPkAttrs())
	for _, column := range want {
		if t.column(column) == nil {
			p.fail(true, fmt.Sprintf("column %q of %s does not exist", column, n))
			return
		}
	}
	slices.Sort(want)
	unique := slices.ContainsFunc(t.Indexes, func(x Index) bool {
		have := slices.Clone(x.Columns)
		slices.Sort(have)
		return x.Unique && !x.Partial && slices.Equal(have, want)
	})
	p.fail(!unique, fmt.Sprintf("there is no unique constraint on %s (%s)", n, strings.Join(want, ", ")))
}

func (p *pass) failIndex(i *pg.IndexStmt) {
	if p.absent(i.GetRelation()) {
		return
	}
	n := p.state.named(i.GetRelation())
	t := p.state.table(n)
	if x := t.index(i.GetIdxname()); x != nil && !x.Valid {
		p.failIf("the invalid index of that name, left by a build that was broken off, is not removed first")
		return
	}
	if i.GetIdxname() != "" && p.taken(name{n.schema, i.GetIdxname()}, i.GetIfNotExists()) {
		return
	}
	if i.GetUnique() {
		p.failIf(violated)
	}
	for _, e := range i.GetIndexParams() {
		for _, c := range calls(e.GetIndexElem().GetExpr()) {
			v := p.state.volatility(c)
			p.fail(v == "v" && len(p.state.functions[calledName(c)]) < 2, fmt.Sprintf("%s() is not immutable, so no index can be built on it", calledName(c)))
			if v != "i" {
				p.failIf("a function of the index is not immutable")
			}
		}
	}
	if t == nil {
		return
	}
	p.fail(t.Kind == KindView, fmt.Sprintf("%s is a view and can have no index", n))
	if !p.state.whole(n) {
		return
	}
	for _, e := range i.GetIndexParams() {
		if column := e.GetIndexElem().GetName(); column != "" {
			p.fail(t.column(column) == nil, fmt.Sprintf("column %q does not exist", column))
		}
	}
	used := columnsOf(i.GetWhereClause())
	for _, e := range i.GetIndexParams() {
		used = append(used, columnsOf(e.GetIndexElem().GetExpr())...)
	}
	for _, e := range i.GetIndexIncludingParams() {
		used = append(used, e.GetIndexElem().GetName())
	}
	for _, column := range used {
		p.fail(column != "" && t.column(column) == nil && column != t.Name && !slices.Contains(systemColumns(), column), fmt.Sprintf("column %q does not exist", column))
	}
}

func (p *pass) failRows(n *pg.Node) {
	relation := n.GetInsertStmt().GetRelation()
	targets := n.GetInsertStmt().GetCols()
	switch {
	case n.GetUpdateStmt() != nil:
		relation, targets = n.GetUpdateStmt().GetRelation(), n.GetUpdateStmt().GetTargetList()
	case n.GetDeleteStmt() != nil:
		relation = n.GetDeleteStmt().GetRelation()
	case n.GetMergeStmt() != nil:
		relation = n.GetMergeStmt().GetRelation()
	case n.GetCopyStmt() != nil:
		relation = n.GetCopyStmt().GetRelation()
	}
	p.failIf(violated)
	if relation == nil || p.absent(relation) {
		return
	}
	t := p.state.named(relation)
	if !p.state.whole(t) {
		return
	}
	for _, target := range targets {
		column := target.GetResTarget().GetName()
		p.fail(column != "" && p.state.table(t).column(column) == nil, fmt.Sprintf("column %q of %s does not exist", column, t))
	}
	if n.GetInsertStmt() != nil {
		p.failInsert(n.GetInsertStmt(), p.state.table(t))
	}
}

// failInsert claims that an INSERT of rows that it names leaves out a column that must have a value, or relies on a unique index that
// is not there.
func (p *pass) failInsert(i *pg.InsertStmt, t *Table) {
	if t.Kind != KindTable && t.Kind != KindPartitioned {
		return
	}
	if at := i.GetOnConflictClause().GetInfer(); at != nil && at.GetConname() == "" && at.GetWhereClause() == nil {
		p.failConflict(at, t)
	}
	rows := i.GetSelectStmt().GetSelectStmt().GetValuesLists()
	defaults := i.GetSelectStmt() == nil // DEFAULT VALUES
	if !defaults && (len(i.GetCols()) == 0 || len(rows) == 0) || len(t.Triggers) > 0 || t.Partition || t.Kind == KindPartitioned {
		return
	}
	for _, c := range t.Columns {
		given := slices.ContainsFunc(i.GetCols(), func(x *pg.Node) bool { return x.GetResTarget().GetName() == c.Name })
		p.fail(c.NotNull && !c.HasDefault && !c.Generated && !given && !p.state.domainOf(c), fmt.Sprintf("column %q of %s must have a value", c.Name, t.Name))
	}
}

// domainOf says whether a column's type may bring a default of its own.
func (s *state) domainOf(c Column) bool {
	return s.domain(parseType(c.Type).name) != nil || s.types[parseType(c.Type).name]
}

func (p *pass) failConflict(at *pg.InferClause, t *Table) {
	var want []string
	for _, e := range at.GetIndexElems() {
		column := e.GetIndexElem().GetName()
		if column == "" {
			return
		}
		want = append(want, column)
	}
	want = unique(want)
	found := slices.ContainsFunc(t.Indexes, func(x Index) bool { return x.Unique && !x.Partial && slices.Equal(unique(x.Columns), want) })
	p.fail(!found, fmt.Sprintf("no unique constraint of %s matches ON CONFLICT (%s)", t.Name, strings.Join(want, ", ")))
}

func (p *pass) failTruncate(t *pg.TruncateStmt) {
	var all []name
	for _, r := range t.GetRelations() {
		if p.absent(r.GetRangeVar()) {
			return
		}
		all = append(all, p.state.named(r.GetRangeVar()))
	}
	for _, n := range all {
		for _, other := range p.state.referrers(n) {
			p.fail(t.GetBehavior() != pg.DropBehavior_DROP_CASCADE && !slices.Contains(all, other), fmt.Sprintf("%s is referenced by a foreign key of %s", n, other))
		}
	}
}

// newSyntax gives the version that first understands a statement that the reviewer's grammar reads; zero for the rest.
func newSyntax(n *pg.Node) (since int, what string) {
	switch {
	case n.GetCreateTrigStmt().GetReplace():
		return 140000, "CREATE OR REPLACE TRIGGER"
	case n.GetMergeStmt() != nil:
		return 150000, "MERGE"
	case n.GetIndexStmt().GetNullsNotDistinct():
		return 150000, "NULLS NOT DISTINCT"
	}
	for _, node := range n.GetAlterTableStmt().GetCmds() {
		c := node.GetAlterTableCmd()
		switch {
		case c.GetSubtype() == pg.AlterTableType_AT_SetAccessMethod:
			return 150000, "SET ACCESS METHOD"
		case c.GetSubtype() == pg.AlterTableType_AT_DetachPartition && c.GetDef().GetPartitionCmd().GetConcurrent():
			return 140000, "DETACH PARTITION CONCURRENTLY"
		case c.GetDef().GetConstraint().GetNullsNotDistinct():
			return 150000, "NULLS NOT DISTINCT"
		case c.GetSubtype() == pg.AlterTableType_AT_SetExpression:
			return 170000, "SET EXPRESSION"
		}
	}
	return 0, ""
}
