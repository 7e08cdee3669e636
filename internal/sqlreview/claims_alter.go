package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqltext"
)

func concurrent(r *pg.ReindexStmt) bool { return sqltext.ReindexConcurrently(r) }

func (p *pass) claimAlter(a *pg.AlterTableStmt) {
	t, cmds := p.alters()
	for _, c := range cmds {
		p.lock(t, alterLock(c))
		p.claimCommand(t, c)
	}
	if len(cmds) == 0 { // a new table may still reference one that exists
		for _, c := range a.GetCmds() {
			if k := c.GetAlterTableCmd().GetDef().GetConstraint(); k.GetContype() == pg.ConstrType_CONSTR_FOREIGN {
				p.lock(p.state.named(k.GetPktable()), shareRowExclusive)
			}
		}
	}
}

func alterLock(c *pg.AlterTableCmd) string {
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_ValidateConstraint, pg.AlterTableType_AT_SetStatistics, pg.AlterTableType_AT_SetRelOptions,
		pg.AlterTableType_AT_ResetRelOptions, pg.AlterTableType_AT_ClusterOn, pg.AlterTableType_AT_DropCluster, pg.AlterTableType_AT_AttachPartition:
		return shareUpdateExclusive
	case pg.AlterTableType_AT_DetachPartition:
		if c.GetDef().GetPartitionCmd().GetConcurrent() {
			return shareUpdateExclusive
		}
	case pg.AlterTableType_AT_EnableTrig, pg.AlterTableType_AT_EnableTrigAll, pg.AlterTableType_AT_EnableTrigUser, pg.AlterTableType_AT_DisableTrig,
		pg.AlterTableType_AT_DisableTrigAll, pg.AlterTableType_AT_DisableTrigUser, pg.AlterTableType_AT_EnableAlwaysTrig, pg.AlterTableType_AT_EnableReplicaTrig:
		return shareRowExclusive
	case pg.AlterTableType_AT_AddConstraint:
		if c.GetDef().GetConstraint().GetContype() == pg.ConstrType_CONSTR_FOREIGN {
			return shareRowExclusive
		}
	}
	return accessExclusive
}

func (p *pass) claimCommand(t name, c *pg.AlterTableCmd) {
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_AddColumn:
		p.claimAddColumn(t, c.GetDef().GetColumnDef())
	case pg.AlterTableType_AT_SetNotNull:
		p.claimSetNotNull(t, c.GetName())
	case pg.AlterTableType_AT_AlterColumnType:
		p.claimType(t, c)
	case pg.AlterTableType_AT_AddConstraint:
		p.claimConstraint(t, c.GetDef().GetConstraint())
	case pg.AlterTableType_AT_ValidateConstraint:
		p.scan(t)
		if held := p.state.heldOn(t); held != "" && !p.alone {
			p.does("validate-same-tx", t, 0, "the scan of %s runs while this transaction still holds %s on it", t, held)
		}
	case pg.AlterTableType_AT_SetLogged, pg.AlterTableType_AT_SetUnLogged, pg.AlterTableType_AT_SetTableSpace, pg.AlterTableType_AT_SetAccessMethod:
		p.rewrite(t)
		p.does("table-rewrite", t, 0, "this rewrites %s while nobody can read it", t)
	case pg.AlterTableType_AT_AttachPartition:
		p.claimAttach(c.GetDef().GetPartitionCmd())
	}
}

func (s *state) heldOn(n name) string {
	if r := s.relations[n]; r != nil {
		return r.locked
	}
	return ""
}

func (p *pass) claimAddColumn(t name, c *pg.ColumnDef) {
	f := columnFacts(c)
	typ := typeOf(c.GetTypeName())
	switch {
	case f.serial(typ):
		p.rewrite(t)
		p.does("identity-rewrite", t, c.GetLocation(), "%s rewrites %s to number its rows", typ.name, t)
	case f.identity:
		p.rewrite(t)
		p.does("identity-rewrite", t, c.GetLocation(), "an identity column rewrites %s to number its rows", t)
	case f.generated:
		p.rewrite(t)
		p.does("identity-rewrite", t, c.GetLocation(), "a stored generated column rewrites %s", t)
	case p.constrained(c.GetTypeName()):
		p.rewrite(t)
		p.does("volatile-default", t, c.GetLocation(), "a domain with a constraint rewrites %s, even for a constant default", t)
	case f.def != nil:
		p.claimDefault(t, c, f.def)
	}
	for _, k := range f.constraints {
		p.claimInline(t, c, k, f.def != nil)
	}
}

func (p *pass) claimDefault(t name, c *pg.ColumnDef, def *pg.Node) {
	for _, call := range calls(def) {
		switch p.state.volatility(call) {
		case "v":
			p.rewrite(t)
			p.does("volatile-default", t, call.GetLocation(), "%s() is volatile: the default rewrites %s", calledName(call), t)
			return
		case "":
			p.does("volatile-default", t, call.GetLocation(), "nobody knows whether %s() is volatile; if it is, the default rewrites %s", calledName(call), t)
			return
		}
	}
}

func (p *pass) claimInline(t name, c *pg.ColumnDef, k *pg.Constraint, hasDefault bool) {
	switch k.GetContype() {
	case pg.ConstrType_CONSTR_CHECK:
		p.scan(t)
		p.does("check-not-valid", t, k.GetLocation(), "this CHECK is verified for every row of %s while nobody can read it", t)
	case pg.ConstrType_CONSTR_UNIQUE:
		p.build(t)
		p.does("unique-constraint", t, k.GetLocation(), "the index of this constraint is built while nobody can read %s", t)
	case pg.ConstrType_CONSTR_PRIMARY:
		p.build(t)
		p.does("add-primary-key", t, k.GetLocation(), "the index of this key is built while nobody can read %s", t)
	case pg.ConstrType_CONSTR_FOREIGN:
		p.lock(p.state.named(k.GetPktable()), shareRowExclusive)
		if hasDefault {
			p.scan(t)
			p.does("fk-not-valid", t, k.GetLocation(), "the default of %s is checked against the other table for every row of %s", c.GetColname(), t)
		}
	}
}

func (p *pass) claimSetNotNull(t name, column string) {
	if c := p.state.catalog.table(t).column(column); c != nil && c.NotNull {
		return
	}
	if p.state.provesNotNull(t, column) {
		return
	}
	p.scan(t)
	p.does("set-not-null-scan", t, 0, "no valid CHECK proves that %s.%s is never null: every row is read while nobody can use the table", t, column)
}

func (p *pass) claimType(t name, c *pg.AlterTableCmd) {
	def := c.GetDef().GetColumnDef()
	to := typeOf(def.GetTypeName())
	if !sameColumn(def.GetRawDefault(), c.GetName(), to) {
		p.rewrite(t)
		p.does("type-rewrite", t, def.GetLocation(), "USING computes new values: %s is rewritten", t)
		return
	}
	from := p.state.columnType(t, c.GetName())
	if from == "" {
		p.does("type-rewrite", t, def.GetLocation(), "the present type of %s.%s is not known; most changes rewrite the table", t, c.GetName())
		return
	}
	switch change(parseType(from), to) {
	case "rewrite":
		p.rewrite(t)
		p.does("type-rewrite", t, def.GetLocation(), "%s to %s rewrites %s and its indexes", from, to.name, t)
	case "zone":
		if utc(p.state.zone) {
			p.does("type-meaning", t, def.GetLocation(), "%s becomes %s: no rewrite in a UTC session, but clients see another type", from, to.name)
			return
		}
		p.rewrite(t)
		p.does("type-rewrite", t, def.GetLocation(), "%s to %s rewrites %s, because the session's time zone is not known to be UTC", from, to.name, t)
	}
}

// sameColumn says whether USING is absent, or only the column (cast to the new type).
func sameColumn(using *pg.Node, column string, to sqlType) bool {
	if using == nil || columnOf(using) == column {
		return true
	}
	cast := using.GetTypeCast()
	if cast == nil {
		return false
	}
	as := typeOf(cast.GetTypeName())
	return columnOf(cast.GetArg()) == column && as.name == to.name && as.array == to.array
}

func (p *pass) claimConstraint(t name, k *pg.Constraint) {
	if k.GetIndexname() != "" {
		if k.GetContype() == pg.ConstrType_CONSTR_PRIMARY && !p.keyProven(t, k) {
			p.scan(t)
			p.does("add-primary-key", t, k.GetLocation(), "the key's columns are not proven to be never null: %s is scanned", t)
		}
		return
	}
	switch k.GetContype() {
	case pg.ConstrType_CONSTR_CHECK:
		if !k.GetSkipValidation() {
			p.scan(t)
			p.does("check-not-valid", t, k.GetLocation(), "this CHECK is verified for every row of %s while nobody can read it", t)
		}
	case pg.ConstrType_CONSTR_FOREIGN:
		p.lock(p.state.named(k.GetPktable()), shareRowExclusive)
		if !k.GetSkipValidation() {
			p.scan(t)
			p.does("fk-not-valid", t, k.GetLocation(), "every row of %s is checked while writes to both tables wait", t)
		}
	case pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_EXCLUSION:
		p.build(t)
		p.does("unique-constraint", t, k.GetLocation(), "the index of this constraint is built while nobody can read %s", t)
	case pg.ConstrType_CONSTR_PRIMARY:
		p.build(t)
		p.does("add-primary-key", t, k.GetLocation(), "the index of this key is built while nobody can read %s", t)
	}
}

func (p *pass) keyProven(t name, k *pg.Constraint) bool {
	known := p.state.catalog.table(t)
	if known == nil {
		return false
	}
	for _, i := range known.Indexes {
		if i.Name != k.GetIndexname() {
			continue
		}
		for _, column := range i.Columns {
			if c := known.column(column); c == nil || !c.NotNull && !p.state.provesNotNull(t, column) {
				return false
			}
		}
		return true
	}
	return false
}

// constrained says whether a type is a domain with a CHECK or NOT NULL.
func (p *pass) constrained(t *pg.TypeName) bool {
	n := typeOf(t).name
	if c, ok := p.state.domains[n]; ok {
		return c
	}
	if p.state.catalog == nil {
		return false
	}
	for _, d := range p.state.catalog.Domains {
		if d.Name == n {
			return d.Constrained
		}
	}
	return false
}
