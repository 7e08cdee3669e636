package claims

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/syntax"
)

func (p *pass) alter(a *pg.AlterTableStmt) {
	t, cmds := p.state.Alters(p.Node)
	if a.GetMissingOk() && p.state.Missing(t) {
		// nothing happens
		return
	}
	view := p.state.Table(t) != nil && p.state.Table(t).Kind == catalog.KindView
	for _, c := range cmds {
		mode := alterLock(c)
		if view {
			mode = report.AccessExclusive
		}
		p.lock(t, mode)
		if a.GetRelation().GetInh() && recurses(c) {
			p.lockAll(t, mode)
		} else {
			// newer versions lock them to look
			for _, heir := range p.state.Descendants(t) {
				p.mayLock(heir)
			}
		}
		p.command(t, c)
	}
	// a new table may still reference one that exists
	if len(cmds) == 0 {
		for _, c := range a.GetCmds() {
			if k := c.GetAlterTableCmd().GetDef().GetConstraint(); k.GetContype() == pg.ConstrType_CONSTR_FOREIGN {
				p.lock(p.state.Named(k.GetPktable()), report.ShareRowExclusive)
			}
			if c.GetAlterTableCmd().GetSubtype() == pg.AlterTableType_AT_AddInherit {
				p.lockExisting(c.GetAlterTableCmd().GetDef().GetRangeVar(), report.ShareUpdateExclusive)
			}
		}
	}
}

// recurses says whether a command also changes partitions and children.
func recurses(c *pg.AlterTableCmd) bool {
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_SetRelOptions, pg.AlterTableType_AT_ResetRelOptions, pg.AlterTableType_AT_AttachPartition,
		pg.AlterTableType_AT_DetachPartition, pg.AlterTableType_AT_ChangeOwner, pg.AlterTableType_AT_EnableRowSecurity,
		pg.AlterTableType_AT_DisableRowSecurity, pg.AlterTableType_AT_ForceRowSecurity,
		pg.AlterTableType_AT_NoForceRowSecurity, pg.AlterTableType_AT_ReplicaIdentity, pg.AlterTableType_AT_AddInherit,
		pg.AlterTableType_AT_DropInherit, pg.AlterTableType_AT_SetTableSpace, pg.AlterTableType_AT_ClusterOn,
		pg.AlterTableType_AT_DropCluster, pg.AlterTableType_AT_SetAccessMethod:
		return false
	case pg.AlterTableType_AT_AddConstraint:
		return !c.GetDef().GetConstraint().GetIsNoInherit()
	}
	return true
}

func alterLock(c *pg.AlterTableCmd) string {
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_ValidateConstraint, pg.AlterTableType_AT_SetStatistics, pg.AlterTableType_AT_SetOptions,
		pg.AlterTableType_AT_ResetOptions, pg.AlterTableType_AT_SetRelOptions, pg.AlterTableType_AT_ResetRelOptions,
		pg.AlterTableType_AT_ClusterOn, pg.AlterTableType_AT_DropCluster, pg.AlterTableType_AT_AttachPartition:
		return report.ShareUpdateExclusive
	case pg.AlterTableType_AT_DetachPartition:
		if c.GetDef().GetPartitionCmd().GetConcurrent() {
			return report.ShareUpdateExclusive
		}
	case pg.AlterTableType_AT_EnableTrig, pg.AlterTableType_AT_EnableTrigAll, pg.AlterTableType_AT_EnableTrigUser,
		pg.AlterTableType_AT_DisableTrig, pg.AlterTableType_AT_DisableTrigAll, pg.AlterTableType_AT_DisableTrigUser,
		pg.AlterTableType_AT_EnableAlwaysTrig, pg.AlterTableType_AT_EnableReplicaTrig:
		return report.ShareRowExclusive
	case pg.AlterTableType_AT_AddConstraint:
		if c.GetDef().GetConstraint().GetContype() == pg.ConstrType_CONSTR_FOREIGN {
			return report.ShareRowExclusive
		}
	}
	return report.AccessExclusive
}

func (p *pass) command(t catalog.Ref, c *pg.AlterTableCmd) {
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_AddColumn:
		if c.GetMissingOk() && p.state.Table(t).Column(c.GetDef().GetColumnDef().GetColname()) != nil {
			// it is there
			return
		}
		p.addColumn(t, c.GetDef().GetColumnDef())
	case pg.AlterTableType_AT_DropColumn:
		p.dropColumn(t, c)
	case pg.AlterTableType_AT_DropConstraint:
		p.dropConstraint(t, c)
	case pg.AlterTableType_AT_AddInherit:
		p.lockExisting(c.GetDef().GetRangeVar(), report.ShareUpdateExclusive)
	case pg.AlterTableType_AT_SetNotNull:
		p.setNotNull(t, c.GetName())
	case pg.AlterTableType_AT_AlterColumnType:
		p.columnType(t, c)
	case pg.AlterTableType_AT_AddConstraint:
		p.constraint(t, c.GetDef().GetConstraint())
	case pg.AlterTableType_AT_ValidateConstraint:
		known := p.state.Table(t)
		if k := known.ForeignKey(c.GetName()); k != nil {
			p.mayScan(k.Target)
			if k.Valid {
				return
			}
		}
		if k := known.Check(c.GetName()); k != nil && k.Valid {
			return
		}
		p.scan(t)
		if held := p.state.HeldOn(t); held != "" && !p.Alone {
			p.does("validate-same-tx", t, 0, "the scan of %s runs while this transaction still holds %s on it", t, held)
		}
	case pg.AlterTableType_AT_SetLogged, pg.AlterTableType_AT_SetUnLogged, pg.AlterTableType_AT_SetTableSpace,
		pg.AlterTableType_AT_SetAccessMethod:
		if asItIs(p.state.Table(t), c) {
			return
		}
		p.rewrite(t)
		p.does("table-rewrite", t, 0, "this rewrites %s while nobody can read it", t)
	case pg.AlterTableType_AT_AttachPartition:
		p.attach(c.GetDef().GetPartitionCmd())
		p.defaultPartition(t)
	case pg.AlterTableType_AT_DetachPartition:
		mode := report.AccessExclusive
		if p.state.Catalog != nil && p.state.Catalog.ServerVersion > 0 && p.state.Catalog.ServerVersion < 140000 {
			mode = report.ShareUpdateExclusive
		}
		p.lockExisting(c.GetDef().GetPartitionCmd().GetName(), mode)
		p.mayLockDefault(t)
	}
}

// asItIs says whether a storage change asks for what is there already.
func asItIs(known *catalog.Table, c *pg.AlterTableCmd) bool {
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_SetLogged:
		return known != nil && !known.Unlogged
	case pg.AlterTableType_AT_SetUnLogged:
		return known != nil && known.Unlogged
	case pg.AlterTableType_AT_SetAccessMethod:
		// the catalog would name another one
		return known != nil && (c.GetName() == "heap" || c.GetName() == "")
	case pg.AlterTableType_AT_SetTableSpace:
		return known != nil && !known.Elsewhere && c.GetName() == "pg_default"
	}
	return false
}

func (p *pass) addColumn(t catalog.Ref, c *pg.ColumnDef) {
	f := syntax.FactsOf(c)
	typ := syntax.TypeOf(c.GetTypeName())
	numbers := func(format string, args ...any) {
		p.rewrite(t)
		p.does("identity-rewrite", t, c.GetLocation(), format, args...)
	}
	switch {
	case f.Serial(typ):
		numbers("%s rewrites %s to number its rows", typ.Name, t)
	case f.Identity:
		numbers("an identity column rewrites %s to number its rows", t)
	case f.Generated:
		numbers("a stored generated column rewrites %s", t)
	case p.state.Constrained(c.GetTypeName()):
		p.rewrite(t)
		p.does("volatile-default", t, c.GetLocation(), "a domain with a constraint rewrites %s, even for a constant "+
			"default", t)
	case f.Def != nil:
		p.columnDefault(t, c, f.Def)
	case f.NotNull:
		// the first row makes it fail
		p.scan(t)
	}
	for _, k := range f.Constraints {
		p.inline(t, c, k, f.Def != nil)
	}
}

func (p *pass) columnDefault(t catalog.Ref, c *pg.ColumnDef, def *pg.Node) {
	for _, call := range syntax.Calls(def) {
		switch p.state.Volatility(call) {
		case "v":
			p.rewrite(t)
			p.does("volatile-default", t, call.GetLocation(), "%s() is volatile: the default rewrites %s",
				syntax.CalledName(call), t)
			return
		case "":
			p.does("volatile-default", t, call.GetLocation(), "nobody knows whether %s() is volatile; if it is, the "+
				"default rewrites %s", syntax.CalledName(call), t)
			return
		}
	}
}

// inline is about a constraint that stands at a new column.
func (p *pass) inline(t catalog.Ref, c *pg.ColumnDef, k *pg.Constraint, hasDefault bool) {
	switch k.GetContype() {
	case pg.ConstrType_CONSTR_CHECK:
		p.scan(t)
		p.checked(t, k)
	case pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_PRIMARY:
		p.indexed(t, k)
	case pg.ConstrType_CONSTR_FOREIGN:
		p.lock(p.state.Named(k.GetPktable()), report.ShareRowExclusive)
		p.mayScan(p.state.Named(k.GetPktable()))
		if hasDefault {
			p.scan(t)
			p.does("fk-not-valid", t, k.GetLocation(), "the default of %s is checked against the other table for "+
				"every row of %s", c.GetColname(), t)
		}
	}
}

func (p *pass) checked(t catalog.Ref, k *pg.Constraint) {
	p.does("check-not-valid", t, k.GetLocation(), "this CHECK is verified for every row of %s while nobody can read it",
		t)
}

// indexed is about a constraint that builds an index.
func (p *pass) indexed(t catalog.Ref, k *pg.Constraint) {
	p.build(t)
	rule, what := "unique-constraint", "constraint"
	if k.GetContype() == pg.ConstrType_CONSTR_PRIMARY {
		rule, what = "add-primary-key", "key"
	}
	p.does(rule, t, k.GetLocation(), "the index of this %s is built while nobody can read %s", what, t)
}

func (p *pass) setNotNull(t catalog.Ref, column string) {
	if c := p.state.Table(t).Column(column); c != nil && c.NotNull || p.state.ProvesNotNull(t, column) {
		return
	}
	p.scan(t)
	p.does("set-not-null-scan", t, 0, "no valid CHECK proves that %s.%s is never null: every row is read while "+
		"nobody can use the table", t, column)
}

func (p *pass) columnType(t catalog.Ref, c *pg.AlterTableCmd) {
	def := c.GetDef().GetColumnDef()
	to := p.state.Underlying(syntax.TypeOf(def.GetTypeName()))
	p.typeKeys(t, c.GetName())
	if !sameColumn(def.GetRawDefault(), c.GetName(), to) {
		p.rewrite(t)
		p.does("type-rewrite", t, def.GetLocation(), "USING computes new values: %s is rewritten", t)
		return
	}
	from := p.state.ColumnType(t, c.GetName())
	if from == "" {
		p.does("type-rewrite", t, def.GetLocation(), "the present type of %s.%s is not known; most changes rewrite "+
			"the table", t, c.GetName())
		return
	}
	kind := syntax.Convert(p.state.Underlying(syntax.ParseType(from)), to)
	if p.state.Constrained(def.GetTypeName()) &&
		p.state.ConstrainedName(syntax.ParseType(from).Name) != syntax.ParseType(from).Name {
		// every value is checked against the domain
		kind = syntax.RewritesValues
	}
	switch kind {
	case syntax.KeepsValues:
		p.recheck(t, c.GetName(), def)
	case syntax.RewritesValues:
		p.rewrite(t)
		p.does("type-rewrite", t, def.GetLocation(), "%s to %s rewrites %s and its indexes", from, to.Name, t)
	case syntax.KeepsInUTC:
		if syntax.IsUTC(p.state.Zone) {
			p.recheck(t, c.GetName(), def)
			p.does("type-meaning", t, def.GetLocation(), "%s becomes %s: no rewrite in a UTC session, but clients "+
				"see another type", from, to.Name)
			return
		}
		p.rewrite(t)
		p.does("type-rewrite", t, def.GetLocation(), "%s to %s rewrites %s, because the session's time zone is not "+
			"known to be UTC", from, to.Name, t)
	}
}

// sameColumn says whether USING is absent, or only the column (cast to the new type).
func sameColumn(using *pg.Node, column string, to syntax.Type) bool {
	if using == nil || syntax.ColumnOf(using) == column {
		return true
	}
	cast := using.GetTypeCast()
	as := syntax.TypeOf(cast.GetTypeName())
	return cast != nil && syntax.ColumnOf(cast.GetArg()) == column && as.Name == to.Name && as.Array == to.Array
}

func (p *pass) constraint(t catalog.Ref, k *pg.Constraint) {
	if p.Guarded && k.GetConname() != "" && p.state.Table(t).Constrained(k.GetConname()) {
		// it is there: the condition does not hold, or the error is caught
		return
	}
	if k.GetIndexname() != "" {
		if k.GetContype() == pg.ConstrType_CONSTR_PRIMARY && !p.state.KeyProven(t, k) {
			p.scan(t)
			p.does("add-primary-key", t, k.GetLocation(), "the key's columns are not proven to be never null: %s is "+
				"scanned", t)
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
			p.checked(t, k)
		}
	case pg.ConstrType_CONSTR_FOREIGN:
		p.lock(p.state.Named(k.GetPktable()), report.ShareRowExclusive)
		p.mayScan(p.state.Named(k.GetPktable()))
		if !k.GetSkipValidation() {
			p.scan(t)
			p.does("fk-not-valid", t, k.GetLocation(), "every row of %s is checked while writes to both tables wait", t)
		}
	case pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_EXCLUSION, pg.ConstrType_CONSTR_PRIMARY:
		p.indexed(t, k)
	}
}

// typeKeys locks the other end of the foreign keys that a column belongs to: they are made again.
func (p *pass) typeKeys(t catalog.Ref, column string) {
	known := p.state.Table(t)
	if known == nil {
		return
	}
	for _, k := range known.ForeignKeys {
		if slices.Contains(k.Columns, column) {
			p.lock(k.Target, report.AccessExclusive)
			p.mayScan(k.Target)
		}
	}
	for _, other := range p.state.ReferencedBy(t) {
		for _, k := range p.state.Table(other).ForeignKeys {
			if k.Target == t && slices.Contains(k.References, column) {
				p.lock(other, report.AccessExclusive)
				p.mayScan(other)
			}
		}
	}
}

// recheck is about a type change that needs no rewrite: CHECKs are verified again, and indexes with an expression are
// built again.
func (p *pass) recheck(t catalog.Ref, column string, def *pg.ColumnDef) {
	known := p.state.Table(t)
	if known == nil {
		return
	}
	for _, c := range known.Checks {
		if c.Valid && slices.Contains(c.Columns, column) {
			p.scan(t)
			p.does("type-recheck", t, def.GetLocation(), "constraint %s is verified again for every row of %s while "+
				"nobody can read it", c.Name, t)
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
