// Package failures says why the server will refuse a statement: names that are nowhere or taken, types that do not
// convert, what stands in the way. Start at Of.
package failures

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/schema"
	"fairlead/internal/sqlreview/syntax"
	"fairlead/internal/sqltext"
)

// pass is one statement that is looked at for reasons why the server will refuse it.
type pass struct {
	*schema.Statement
	state *schema.State
	// rowsAssumed says that sizes are not the catalog's.
	rowsAssumed bool

	fails, failsIf string
}

// Of says why the server surely refuses a statement, and what no catalog tells that could make it fail.
func Of(st *schema.Statement, s *schema.State, rowsAssumed bool) (fails, failsIf string) {
	p := &pass{Statement: st, state: s, rowsAssumed: rowsAssumed}
	if st.Refused && !st.InBody {
		p.fails = st.Kind + " cannot run inside a transaction block"
	}
	p.look()
	(&namePass{pass: p}).checkNames()
	if st.Node.GetSelectStmt() != nil {
		p.checkKnownBodies(st.Node)
	}
	return p.fails, p.failsIf
}

// violated is what rows can do to a constraint.
const violated = "a row violates it"

// fail claims that the server refuses the statement. What stands under a condition may never run.
func (p *pass) fail(yes bool, format string, args ...any) {
	if yes && !p.Doubt && p.fails == "" {
		p.fails = fmt.Sprintf(format, args...)
	}
}

// failIf claims that rows, or something else that no catalog tells, can make the statement fail.
func (p *pass) failIf(reason string) {
	if p.failsIf == "" {
		p.failsIf = reason
	}
}

// look claims what is known to be refused.
func (p *pass) look() {
	n := p.Node
	if since, what := newSyntax(n); since > 0 && p.state.Catalog != nil && p.state.Catalog.ServerVersion > 0 &&
		p.state.Catalog.ServerVersion < since {
		p.fail(true, "%s needs PostgreSQL %d, the server is %d", what, since/10000, p.state.Catalog.ServerVersion/10000)
	}
	switch {
	case n.GetAlterTableStmt() != nil:
		p.checkAlter(n.GetAlterTableStmt())
	case n.GetCreateStmt() != nil:
		p.checkCreate(n.GetCreateStmt())
	case n.GetIndexStmt() != nil:
		p.checkIndex(n.GetIndexStmt())
	case n.GetDropStmt() != nil:
		p.checkDrop(n.GetDropStmt())
	case n.GetRenameStmt() != nil:
		p.checkRename(n.GetRenameStmt())
	case n.GetTruncateStmt() != nil:
		p.checkTruncate(n.GetTruncateStmt())
	case n.GetInsertStmt() != nil, n.GetUpdateStmt() != nil, n.GetDeleteStmt() != nil, n.GetMergeStmt() != nil,
		n.GetCopyStmt() != nil:
		p.checkRows(n)
	default:
		p.checkRest(n)
	}
}

func (p *pass) absent(r *pg.RangeVar) bool {
	if r == nil {
		return false
	}
	n := p.state.Named(r)
	if p.state.Missing(n) {
		p.fail(true, "relation %s does not exist", n)
	}
	return p.fails != ""
}

func (p *pass) taken(n catalog.Ref, guarded bool) bool {
	there := p.state.Present(n)
	if there && !guarded {
		p.fail(!p.state.Uncertain, "relation %s already exists", n)
	}
	return there
}

func (p *pass) checkRest(n *pg.Node) {
	switch {
	case n.GetViewStmt() != nil:
		p.checkView(n.GetViewStmt())
	case n.GetCreateTableAsStmt() != nil:
		if r := n.GetCreateTableAsStmt().GetInto().GetRel(); r.GetRelpersistence() != "t" {
			p.taken(p.state.NameOfNew(r), n.GetCreateTableAsStmt().GetIfNotExists())
		}
	case n.GetCreateTrigStmt() != nil:
		t := n.GetCreateTrigStmt()
		if !p.absent(t.GetRelation()) && !t.GetReplace() {
			p.fail(p.state.Table(p.state.Named(t.GetRelation())).Trigger(t.GetTrigname()) != nil,
				"trigger %s already exists", t.GetTrigname())
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
		p.checkObjects(n)
	}
}

// checkObjects is about things other than relations.
func (p *pass) checkObjects(n *pg.Node) {
	s := p.state
	switch {
	case n.GetCreateSchemaStmt() != nil:
		c := n.GetCreateSchemaStmt()
		p.fail(!c.GetIfNotExists() && (s.Schemas[c.GetSchemaname()] || s.Catalog != nil &&
			slices.Contains(s.Catalog.Schemas, c.GetSchemaname())), "schema %s already exists", c.GetSchemaname())
	case n.GetCreateExtensionStmt() != nil:
		c := n.GetCreateExtensionStmt()
		p.fail(!c.GetIfNotExists() && s.Installed(c.GetExtname()), "extension %s already exists", c.GetExtname())
		p.fail(s.Catalog != nil && s.Catalog.Names != nil && !s.Installed(c.GetExtname()) &&
			!slices.Contains(s.Catalog.Names.Available, c.GetExtname()), "the server does not have extension %s",
			c.GetExtname())
		p.failIf("the server does not have the extension, or the role may not create it")
	case n.GetCreateEnumStmt() != nil:
		p.typeTaken(n.GetCreateEnumStmt().GetTypeName())
	case n.GetCreateDomainStmt() != nil:
		p.typeTaken(n.GetCreateDomainStmt().GetDomainname())
	case n.GetCompositeTypeStmt() != nil:
		v := n.GetCompositeTypeStmt().GetTypevar()
		p.fail(s.TypeExists(v.GetSchemaname(), v.GetRelname()), "type %s already exists", v.GetRelname())
	case n.GetAlterEnumStmt() != nil:
		p.checkEnum(n.GetAlterEnumStmt())
	case n.GetCreateFunctionStmt() != nil:
		p.failIf("a function of that name and these arguments gives another type")
	case n.GetCreateSeqStmt() != nil:
		p.taken(s.NameOfNew(n.GetCreateSeqStmt().GetSequence()), n.GetCreateSeqStmt().GetIfNotExists())
	case n.GetDropOwnedStmt() != nil:
		p.failIf("other objects depend on what is dropped")
	case n.GetAlterDomainStmt() != nil, n.GetCallStmt() != nil,
		n.GetCreatedbStmt() != nil, n.GetCreateRoleStmt() != nil, n.GetGrantStmt() != nil, n.GetGrantRoleStmt() != nil:
		p.failIf("rows, rights or other databases say so")
	}
}

func (p *pass) typeTaken(parts []*pg.Node) {
	schema, n := sqltext.QualifiedName(parts)
	p.fail(p.state.TypeExists(schema, n), "type %s already exists", n)
}

func (p *pass) checkEnum(e *pg.AlterEnumStmt) {
	schema, n := sqltext.QualifiedName(e.GetTypeName())
	p.fail(p.state.NamesKnown() && !p.state.Hidden(schema) && !p.state.TypeNamed(n), "type %s does not exist", n)
	enum := p.state.Enum(schema, n)
	if enum == nil || p.state.Types[n] || p.state.Uncertain {
		return
	}
	switch {
	case e.GetOldVal() != "":
		p.fail(!slices.Contains(enum.Labels, e.GetOldVal()) && !slices.Contains(p.state.Added[n], e.GetOldVal()),
			"%q is no label of %s", e.GetOldVal(), n)
	case !e.GetSkipIfNewValExists():
		p.fail(slices.Contains(enum.Labels, e.GetNewVal()) || slices.Contains(p.state.Added[n], e.GetNewVal()),
			"enum label %q already exists", e.GetNewVal())
	}
}

func (p *pass) checkView(v *pg.ViewStmt) {
	if v.GetView().GetRelpersistence() == "t" {
		return
	}
	n := p.state.NameOfNew(v.GetView())
	if !p.taken(n, v.GetReplace()) || p.fails != "" {
		return
	}
	t := p.state.Table(n)
	if t == nil || !p.state.ColumnsKnown(n) || t.Kind != catalog.KindView {
		return
	}
	targets := v.GetQuery().GetSelectStmt().GetTargetList()
	if len(targets) == 0 || slices.ContainsFunc(targets,
		func(x *pg.Node) bool { return isStar(x.GetResTarget().GetVal()) }) {
		p.failIf("columns of the view go away or change")
		return
	}
	p.fail(len(targets) < len(t.Columns) && len(v.GetAliases()) == 0, "cannot drop columns from view %s", n)
	p.failIf("columns of the view change their name or type")
}

func isStar(n *pg.Node) bool {
	f := n.GetColumnRef().GetFields()
	return len(f) > 0 && f[len(f)-1].GetAStar() != nil
}

func (p *pass) checkCreate(c *pg.CreateStmt) {
	if c.GetRelation().GetRelpersistence() != "t" {
		p.taken(p.state.NameOfNew(c.GetRelation()), c.GetIfNotExists())
	}
	for _, parent := range c.GetInhRelations() {
		p.absent(parent.GetRangeVar())
	}
	if c.GetPartbound() != nil {
		p.failIf("its bound overlaps another one")
	}
	shadow := &catalog.Table{}
	for _, e := range c.GetTableElts() {
		if d := e.GetColumnDef(); d != nil {
			shadow.Columns = append(shadow.Columns, catalog.Column{Name: d.GetColname(),
				Type: syntax.SerialBase(syntax.TypeOf(d.GetTypeName())).String()})
		}
		if like := e.GetTableLikeClause(); like != nil {
			p.absent(like.GetRelation())
		}
	}
	key := func(k *pg.Constraint, columns []string) {
		if k.GetContype() == pg.ConstrType_CONSTR_FOREIGN &&
			p.state.Named(k.GetPktable()) != p.state.NameOfNew(c.GetRelation()) {
			p.checkTarget(k)
			p.checkKeyTypes(shadow, columns, k)
		}
	}
	for _, e := range c.GetTableElts() {
		key(e.GetConstraint(), syntax.Strings(e.GetConstraint().GetFkAttrs()))
		for _, k := range e.GetColumnDef().GetConstraints() {
			key(k.GetConstraint(), []string{e.GetColumnDef().GetColname()})
		}
	}
}

// checkTarget is about what a foreign key refers to: it must be there, and unique.
func (p *pass) checkTarget(k *pg.Constraint) {
	if p.absent(k.GetPktable()) {
		return
	}
	n := p.state.Named(k.GetPktable())
	t := p.state.Table(n)
	if t == nil || !p.state.ColumnsKnown(n) || len(k.GetPkAttrs()) == 0 {
		p.fail(t != nil && p.state.ColumnsKnown(n) && len(k.GetPkAttrs()) == 0 && t.Primary() == nil,
			"there is no primary key for %s", n)
		return
	}
	want := syntax.Strings(k.GetPkAttrs())
	for _, column := range want {
		if t.Column(column) == nil {
			p.fail(true, "column %q of %s does not exist", column, n)
			return
		}
	}
	slices.Sort(want)
	unique := slices.ContainsFunc(t.Indexes, func(x catalog.Index) bool {
		return x.Unique && !x.Partial && slices.Equal(slices.Sorted(slices.Values(x.Columns)), want)
	})
	p.fail(!unique, "there is no unique constraint on %s (%s)", n, strings.Join(want, ", "))
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

// checkKnownBodies is about the calls in a query.
func (p *pass) checkKnownBodies(n *pg.Node) {
	if p.state.Unfollowed(n) {
		p.failIf("what it calls says so")
	}
	for _, t := range p.state.KnownCalls(n) {
		p.fail(p.state.Missing(t), "relation %s does not exist", t)
		p.fail(p.state.Table(t).Trigger("set_updated_at") != nil, "trigger set_updated_at already exists")
	}
}
