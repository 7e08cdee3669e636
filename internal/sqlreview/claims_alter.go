package sqlreview

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqltext"
)

func concurrent(r *pg.ReindexStmt) bool { return sqltext.ReindexConcurrently(r) }

func (p *pass) claimAlter(a *pg.AlterTableStmt) {
	t, cmds := p.alters()
	if a.GetMissingOk() && p.state.missing(t) {
		return // nothing happens
	}
	view := p.state.table(t) != nil && p.state.table(t).Kind == KindView
	for _, c := range cmds {
		mode := alterLock(c)
		if view {
			mode = accessExclusive
		}
		p.lock(t, mode)
		if a.GetRelation().GetInh() && recurses(c) {
			p.lockAll(t, mode)
		} else {
			for _, heir := range p.state.heirs(t) { // newer versions lock them to look
				p.claims.MayLock = append(p.claims.MayLock, heir.String())
			}
		}
		p.claimCommand(t, c)
	}
	if len(cmds) == 0 { // a new table may still reference one that exists
		for _, c := range a.GetCmds() {
			if k := c.GetAlterTableCmd().GetDef().GetConstraint(); k.GetContype() == pg.ConstrType_CONSTR_FOREIGN {
				p.lock(p.state.named(k.GetPktable()), shareRowExclusive)
			}
			if c.GetAlterTableCmd().GetSubtype() == pg.AlterTableType_AT_AddInherit {
				p.existing(c.GetAlterTableCmd().GetDef().GetRangeVar(), shareUpdateExclusive)
			}
		}
	}
}

// recurses says whether a command also changes partitions and children.
func recurses(c *pg.AlterTableCmd) bool {
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_SetRelOptions, pg.AlterTableType_AT_ResetRelOptions, pg.AlterTableType_AT_AttachPartition, pg.AlterTableType_AT_DetachPartition,
		pg.AlterTableType_AT_ChangeOwner, pg.AlterTableType_AT_EnableRowSecurity, pg.AlterTableType_AT_DisableRowSecurity, pg.AlterTableType_AT_ForceRowSecurity,
		pg.AlterTableType_AT_NoForceRowSecurity, pg.AlterTableType_AT_ReplicaIdentity, pg.AlterTableType_AT_AddInherit, pg.AlterTableType_AT_DropInherit,
		pg.AlterTableType_AT_SetTableSpace, pg.AlterTableType_AT_ClusterOn, pg.AlterTableType_AT_DropCluster, pg.AlterTableType_AT_SetAccessMethod:
		return false
	case pg.AlterTableType_AT_AddConstraint:
		return !c.GetDef().GetConstraint().GetIsNoInherit()
	}
	return true
}

func alterLock(c *pg.AlterTableCmd) string {
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_ValidateConstraint, pg.AlterTableType_AT_SetStatistics, pg.AlterTableType_AT_SetOptions, pg.AlterTableType_AT_ResetOptions, pg.AlterTableType_AT_SetRelOptions,
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
		if c.GetMissingOk() && p.state.table(t).column(c.GetDef().GetColumnDef().GetColname()) != nil {
			return // it is there
		}
		p.claimAddColumn(t, c.GetDef().GetColumnDef())
	case pg.AlterTableType_AT_DropColumn:
		p.claimDropColumn(t, c)
	case pg.AlterTableType_AT_DropConstraint:
		p.claimDropConstraint(t, c)
	case pg.AlterTableType_AT_AddInherit:
		p.existing(c.GetDef().GetRangeVar(), shareUpdateExclusive)
	case pg.AlterTableType_AT_SetNotNull:
		p.claimSetNotNull(t, c.GetName())
	case pg.AlterTableType_AT_AlterColumnType:
		p.claimType(t, c)
	case pg.AlterTableType_AT_AddConstraint:
		p.claimConstraint(t, c.GetDef().GetConstraint())
	case pg.AlterTableType_AT_ValidateConstraint:
		known := p.state.table(t)
		if k := known.foreignKey(c.GetName()); k != nil {
			p.mayScan(name{k.Target.Schema, k.Target.Name})
			if k.Valid {
				return
			}
		}
		if k := known.check(c.GetName()); k != nil && k.Valid {
			return
		}
		p.scan(t)
		if held := p.state.heldOn(t); held != "" && !p.alone {
			p.does("validate-same-tx", t, 0, "the scan of %s runs while this transaction still holds %s on it", t, held)
		}
	case pg.AlterTableType_AT_SetLogged, pg.AlterTableType_AT_SetUnLogged, pg.AlterTableType_AT_SetTableSpace, pg.AlterTableType_AT_SetAccessMethod:
		if p.asItIs(t, c) {
			return
		}
		p.rewrite(t)
		p.does("table-rewrite", t, 0, "this rewrites %s while nobody can read it", t)
	case pg.AlterTableType_AT_AttachPartition:
		p.claimAttach(c.GetDef().GetPartitionCmd())
		p.claimDefaultPartition(t)
	case pg.AlterTableType_AT_DetachPartition:
		mode := accessExclusive
		if p.state.catalog != nil && p.state.catalog.ServerVersion > 0 && p.state.catalog.ServerVersion < 140000 {
			mode = shareUpdateExclusive
		}
		p.existing(c.GetDef().GetPartitionCmd().GetName(), mode)
		p.claimMayLockDefault(t)
	}
}

// asItIs says whether a storage change asks for what is there already.
func (p *pass) asItIs(t name, c *pg.AlterTableCmd) bool {
	known := p.state.table(t)
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_SetLogged:
		return known != nil && !known.Unlogged
	case pg.AlterTableType_AT_SetUnLogged:
		return known != nil && known.Unlogged
	case pg.AlterTableType_AT_SetAccessMethod:
		return known != nil && (c.GetName() == "heap" || c.GetName() == "") // the catalog would name another one
	case pg.AlterTableType_AT_SetTableSpace:
		return known != nil && !known.Elsewhere && c.GetName() == "pg_default"
	}
	return false
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
	case f.notNull:
		p.scan(t) // the first row makes it fail
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
		p.mayScan(p.state.named(k.GetPktable()))
		if hasDefault {
			p.scan(t)
			p.does("fk-not-valid", t, k.GetLocation(), "the default of %s is checked against the other table for every row of %s", c.GetColname(), t)
		}
	}
}

func (p *pass) claimSetNotNull(t name, column string) {
	if c := p.state.table(t).column(column); c != nil && c.NotNull {
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
	to := p.underlying(typeOf(def.GetTypeName()))
	p.claimTypeKeys(t, c.GetName())
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
	kind := change(p.underlying(parseType(from)), to)
	if p.constrained(def.GetTypeName()) && p.constrainedName(parseType(from).name) != parseType(from).name {
		kind = "rewrite" // every value is checked against the domain
	}
	switch kind {
	case "none":
		p.claimRecheck(t, c.GetName(), def)
	case "rewrite":
		p.rewrite(t)
		p.does("type-rewrite", t, def.GetLocation(), "%s to %s rewrites %s and its indexes", from, to.name, t)
	case "zone":
		if utc(p.state.zone) {
			p.claimRecheck(t, c.GetName(), def)
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
	if p.guarded && k.GetConname() != "" && p.state.table(t).constrained(k.GetConname()) {
		return // it is there: the condition does not hold, or the error is caught
	}
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
			if k.GetIsNoInherit() {
				p.claims.Scans = append(p.claims.Scans, t.String())
			} else {
				p.scan(t)
			}
			p.does("check-not-valid", t, k.GetLocation(), "this CHECK is verified for every row of %s while nobody can read it", t)
		}
	case pg.ConstrType_CONSTR_FOREIGN:
		p.lock(p.state.named(k.GetPktable()), shareRowExclusive)
		p.mayScan(p.state.named(k.GetPktable()))
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
	known := p.state.table(t)
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
	return p.constrainedName(typeOf(t).name) != ""
}

// constrainedName gives the name back when it is a domain with a constraint.
func (p *pass) constrainedName(n string) string {
	if c, ok := p.state.domains[n]; ok {
		if c {
			return n
		}
		return ""
	}
	if d := p.state.domain(n); d != nil && d.Constrained {
		return n
	}
	return ""
}

func (s *state) domain(n string) *Domain {
	if s.catalog == nil {
		return nil
	}
	for i := range s.catalog.Domains {
		if s.catalog.Domains[i].Name == n {
			return &s.catalog.Domains[i]
		}
	}
	return nil
}

// underlying gives the type that a domain of the catalog stands for.
func (p *pass) underlying(t sqlType) sqlType {
	for range 10 {
		d := p.state.domain(t.name)
		if d == nil || d.Base == "" || t.array {
			return t
		}
		t = parseType(d.Base)
	}
	return t
}

// claimTypeKeys locks the other end of the foreign keys that a column belongs to: they are made again.
func (p *pass) claimTypeKeys(t name, column string) {
	known := p.state.table(t)
	if known == nil {
		return
	}
	for _, k := range known.ForeignKeys {
		if slices.Contains(k.Columns, column) {
			p.lock(name{k.Target.Schema, k.Target.Name}, accessExclusive)
			p.mayScan(name{k.Target.Schema, k.Target.Name})
		}
	}
	for _, other := range p.state.referrers(t) {
		for _, k := range p.state.table(other).ForeignKeys {
			if k.Target == t.ref() && slices.Contains(k.References, column) {
				p.lock(other, accessExclusive)
				p.mayScan(other)
			}
		}
	}
}

// claimRecheck is about a type change that needs no rewrite: CHECKs are verified again, and indexes with an expression are built again.
func (p *pass) claimRecheck(t name, column string, def *pg.ColumnDef) {
	known := p.state.table(t)
	if known == nil {
		return
	}
	for _, c := range known.Checks {
		if c.Valid && slices.Contains(c.Columns, column) {
			p.scan(t)
			p.does("type-recheck", t, def.GetLocation(), "constraint %s is verified again for every row of %s while nobody can read it", c.Name, t)
			break
		}
	}
	for _, x := range known.Indexes {
		partial := slices.Contains(x.Depends, column) || x.Partial && slices.Contains(x.Columns, column)
		if partial || def.GetCollClause() != nil && slices.Contains(x.Columns, column) {
			p.build(t)
			p.does("type-recheck", t, def.GetLocation(), "index %s is built again while nobody can read %s", x.Name, t)
			break
		}
	}
}
