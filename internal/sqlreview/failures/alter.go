package failures

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/schema"
	"fairlead/internal/sqlreview/syntax"
)

func (p *pass) checkAlter(a *pg.AlterTableStmt) {
	n := p.state.Named(a.GetRelation())
	switch a.GetObjtype() {
	case pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_TYPE:
		return
	}
	if p.state.IsIndexOrSequence(n) || p.state.Sequences[n] {
		// ALTER TABLE may name an index or a sequence
		return
	}
	if !a.GetMissingOk() && p.absent(a.GetRelation()) {
		return
	}
	if !p.state.ColumnsKnown(n) {
		return
	}
	// as the commands before make it
	shadow := p.state.Table(n).Clone()
	for _, c := range inPasses(a.GetCmds()) {
		p.checkCommand(n, shadow, c)
	}
	if !a.GetRelation().GetInh() && len(p.state.Descendants(n)) > 0 {
		for _, node := range a.GetCmds() {
			p.fail(node.GetAlterTableCmd().GetSubtype() == pg.AlterTableType_AT_AddColumn,
				"the column must be added to child tables too")
		}
	}
}

// inPasses gives the commands in the order in which the server works on them: what is dropped, types, new columns, the
// rest.
func inPasses(cmds []*pg.Node) []*pg.AlterTableCmd {
	var out []*pg.AlterTableCmd
	for _, node := range cmds {
		out = append(out, node.GetAlterTableCmd())
	}
	rank := func(c *pg.AlterTableCmd) int {
		switch c.GetSubtype() {
		case pg.AlterTableType_AT_DropColumn, pg.AlterTableType_AT_DropConstraint, pg.AlterTableType_AT_DropNotNull,
			pg.AlterTableType_AT_DropIdentity:
			return 0
		case pg.AlterTableType_AT_ColumnDefault:
			if c.GetDef() == nil {
				return 0
			}
		case pg.AlterTableType_AT_AlterColumnType:
			return 1
		case pg.AlterTableType_AT_AddColumn:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(out, func(a, b *pg.AlterTableCmd) int { return rank(a) - rank(b) })
	return out
}

func (p *pass) checkCommand(n catalog.Ref, t *catalog.Table, c *pg.AlterTableCmd) {
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_AddColumn:
		p.checkAddColumn(n, t, c)
	case pg.AlterTableType_AT_DropColumn:
		p.checkDropColumn(n, t, c)
	case pg.AlterTableType_AT_AddConstraint:
		p.checkConstraint(n, t, c.GetDef().GetConstraint())
		if k := c.GetDef().GetConstraint(); k.GetConname() != "" && k.GetContype() == pg.ConstrType_CONSTR_CHECK {
			t.Checks = append(t.Checks, catalog.Check{Name: k.GetConname()})
		}
	case pg.AlterTableType_AT_DropConstraint:
		p.checkDropConstraint(n, t, c)
	case pg.AlterTableType_AT_ValidateConstraint:
		p.fail(!t.Constrained(c.GetName()), "constraint %q of %s does not exist", c.GetName(), n)
		p.failIf(violated)
	case pg.AlterTableType_AT_AttachPartition:
		p.checkAttach(n, t, c.GetDef().GetPartitionCmd())
	case pg.AlterTableType_AT_DetachPartition:
		child := p.state.Named(c.GetDef().GetPartitionCmd().GetName())
		known := p.state.Table(child)
		p.fail(known != nil && !slices.Contains(known.Parents, n), "%s is no partition of %s", child, n)
		p.failIf("it is no partition")
	case pg.AlterTableType_AT_SetNotNull, pg.AlterTableType_AT_DropNotNull, pg.AlterTableType_AT_AlterColumnType,
		pg.AlterTableType_AT_ColumnDefault, pg.AlterTableType_AT_SetStatistics, pg.AlterTableType_AT_SetStorage,
		pg.AlterTableType_AT_AddIdentity, pg.AlterTableType_AT_DropIdentity:
		p.checkColumn(n, t, c)
	case pg.AlterTableType_AT_EnableTrig, pg.AlterTableType_AT_DisableTrig:
		p.fail(t.Trigger(c.GetName()) == nil, "trigger %q of %s does not exist", c.GetName(), n)
	}
}

func (p *pass) checkAddColumn(n catalog.Ref, t *catalog.Table, c *pg.AlterTableCmd) {
	def := c.GetDef().GetColumnDef()
	if t.Column(def.GetColname()) != nil {
		p.fail(!c.GetMissingOk(), "column %q of %s already exists", def.GetColname(), n)
		return
	}
	f := syntax.FactsOf(def)
	typ := syntax.TypeOf(def.GetTypeName())
	if f.NotNull && !f.Filled(typ) {
		p.fail(t.Rows > 0 && !p.rowsAssumed && !p.state.IsNew(n), "the rows of %s have no value for %q", n,
			def.GetColname())
		p.failIf("the table has a row")
	}
	for _, k := range f.Constraints {
		switch k.GetContype() {
		case pg.ConstrType_CONSTR_FOREIGN:
			if p.state.Named(k.GetPktable()) != n {
				p.checkTarget(k)
			}
			p.failIf(violated)
		case pg.ConstrType_CONSTR_PRIMARY:
			p.fail(t.Primary() != nil, "%s has a primary key already", n)
			p.failIf(violated)
		case pg.ConstrType_CONSTR_CHECK, pg.ConstrType_CONSTR_UNIQUE:
			p.failIf(violated)
		}
	}
	p.state.DefineColumn(t, def)
}

func (p *pass) checkDropColumn(n catalog.Ref, t *catalog.Table, c *pg.AlterTableCmd) {
	if t.Column(c.GetName()) == nil {
		p.fail(!c.GetMissingOk(), "column %q of %s does not exist", c.GetName(), n)
		return
	}
	if c.GetBehavior() != pg.DropBehavior_DROP_CASCADE {
		p.checkReaders(n, c)
		for _, other := range p.state.ReferencedBy(n) {
			for _, k := range p.state.Table(other).ForeignKeys {
				p.fail(k.Target == n && slices.Contains(k.References, c.GetName()),
					"a foreign key of %s refers to column %q", other, c.GetName())
			}
		}
	}
	t.DropColumn(c.GetName())
}

// checkReaders claims that a column stays as it is while a view reads it.
func (p *pass) checkReaders(n catalog.Ref, c *pg.AlterTableCmd) {
	for _, view := range p.state.ViewsOn(n, c.GetName()) {
		p.fail(true, "view %s reads column %q", view, c.GetName())
	}
}

func (p *pass) checkColumn(n catalog.Ref, t *catalog.Table, c *pg.AlterTableCmd) {
	column := t.Column(c.GetName())
	if column == nil {
		p.fail(c.GetName() != "" && c.GetNum() == 0, "column %q of %s does not exist", c.GetName(), n)
		return
	}
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_ColumnDefault:
		column.HasDefault = c.GetDef() != nil
	case pg.AlterTableType_AT_SetNotNull:
		if !column.NotNull {
			p.failIf(violated)
		}
	case pg.AlterTableType_AT_DropNotNull:
		p.fail(t.Primary() != nil && slices.Contains(t.Primary().Columns, c.GetName()),
			"column %q is in the primary key", c.GetName())
		p.fail(column.Identity, "column %q is an identity column", c.GetName())
		column.NotNull = false
	case pg.AlterTableType_AT_AlterColumnType:
		p.checkReaders(n, c)
		p.checkType(n, t, column, c.GetDef().GetColumnDef())
	case pg.AlterTableType_AT_AddIdentity:
		p.fail(!column.NotNull, "column %q must be NOT NULL before it can be an identity", c.GetName())
		p.fail(column.HasDefault, "column %q has a default already", c.GetName())
	case pg.AlterTableType_AT_DropIdentity:
		p.fail(!column.Identity && !c.GetMissingOk(), "column %q is no identity column", c.GetName())
	}
}

// checkType claims that a type cannot become another one without USING.
func (p *pass) checkType(n catalog.Ref, t *catalog.Table, column *catalog.Column, def *pg.ColumnDef) {
	p.failIf("a value does not fit, or something depends on the type")
	if t.Kind == catalog.KindPartitioned || t.Partition {
		p.failIf("the column belongs to the partition key")
	}
	from, to := syntax.ParseType(column.Type), syntax.TypeOf(def.GetTypeName())
	if !syntax.HasCasts(from.Name) || from.Name == to.Name || p.state.Casts {
		return
	}
	p.checkDefaultType(column, from, to)
	if def.GetRawDefault() != nil || from.Name == to.Name {
		return
	}
	if syntax.HasCasts(to.Name) || p.state.Enum("", to.Name) != nil {
		p.fail(!syntax.Assignable(from, to) && !from.Array && !to.Array, "%s of %q cannot be cast automatically to %s",
			column.Type, column.Name, to.Name)
	}
}

// checkDefaultType claims that a default does not follow its column to another type: USING is not for it.
func (p *pass) checkDefaultType(column *catalog.Column, from, to syntax.Type) {
	if !column.HasDefault || column.Identity || column.Generated || from.Array != to.Array || from.Array {
		return
	}
	enum := p.state.Enum("", to.Name) != nil || p.state.Types[to.Name] && !p.state.Domains[to.Name]
	p.fail((syntax.HasCasts(to.Name) || enum) && !syntax.Assignable(from, to),
		"the default of %q cannot be cast automatically to %s", column.Name, to.Name)
}

// checkKeyTypes claims that no operator compares the two sides of a foreign key.
func (p *pass) checkKeyTypes(t *catalog.Table, columns []string, k *pg.Constraint) {
	target := p.state.Named(k.GetPktable())
	other := p.state.Table(target)
	references := syntax.Strings(k.GetPkAttrs())
	if other == nil || !p.state.ColumnsKnown(target) {
		return
	}
	if len(references) == 0 && other.Primary() != nil {
		references = other.Primary().Columns
	}
	for i, column := range columns {
		if i >= len(references) {
			return
		}
		a, b := t.Column(column), other.Column(references[i])
		if a == nil || b == nil {
			continue
		}
		from, to := syntax.ParseType(a.Type), syntax.ParseType(b.Type)
		p.fail(syntax.HasCasts(from.Name) && syntax.HasCasts(to.Name) &&
			(from.Array != to.Array || syntax.CastGroup(from.Name) != syntax.CastGroup(to.Name)),
			"%s of %q cannot be compared with %s of %s.%s", a.Type, column, b.Type, target, b.Name)
	}
}

func (p *pass) checkConstraint(n catalog.Ref, t *catalog.Table, k *pg.Constraint) {
	p.fail(k.GetConname() != "" && t.Constrained(k.GetConname()), "constraint %q of %s already exists", k.GetConname(),
		n)
	switch k.GetContype() {
	case pg.ConstrType_CONSTR_FOREIGN:
		for _, column := range syntax.Strings(k.GetFkAttrs()) {
			p.fail(t.Column(column) == nil, "column %q of %s does not exist", column, n)
		}
		if target := p.state.Named(k.GetPktable()); target != n {
			p.checkTarget(k)
		}
		p.checkKeyTypes(t, syntax.Strings(k.GetFkAttrs()), k)
		if !k.GetSkipValidation() {
			p.failIf(violated)
		}
	case pg.ConstrType_CONSTR_PRIMARY:
		p.fail(t.Primary() != nil, "%s has a primary key already", n)
		p.checkKey(n, t, k)
	case pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_EXCLUSION:
		p.checkKey(n, t, k)
	case pg.ConstrType_CONSTR_CHECK:
		for _, column := range syntax.ColumnsOf(k.GetRawExpr()) {
			p.fail(t.Column(column) == nil && column != t.Name, "column %q of %s does not exist", column, n)
		}
		if !k.GetSkipValidation() {
			p.failIf(violated)
		}
	}
}

func (p *pass) checkKey(n catalog.Ref, t *catalog.Table, k *pg.Constraint) {
	if k.GetIndexname() == "" {
		for _, column := range syntax.Strings(k.GetKeys()) {
			p.fail(t.Column(column) == nil, "column %q of %s does not exist", column, n)
		}
		p.failIf(violated)
		return
	}
	x := t.Index(k.GetIndexname())
	p.fail(x == nil, "index %q of %s does not exist", k.GetIndexname(), n)
	p.fail(x != nil && !x.Unique, "index %q is not unique", k.GetIndexname())
	p.fail(x != nil && !x.Valid, "index %q is not valid", k.GetIndexname())
	p.fail(x != nil && x.Partial, "index %q is partial", k.GetIndexname())
	p.failIf(violated)
}

func (p *pass) checkDropConstraint(n catalog.Ref, t *catalog.Table, c *pg.AlterTableCmd) {
	if !t.Constrained(c.GetName()) {
		p.fail(!c.GetMissingOk(), "constraint %q of %s does not exist", c.GetName(), n)
		return
	}
	if x := t.Index(c.GetName()); x != nil && c.GetBehavior() != pg.DropBehavior_DROP_CASCADE {
		for _, other := range p.state.ReferencedBy(n) {
			for _, k := range p.state.Table(other).ForeignKeys {
				p.fail(k.Target == n && schema.SameSet(k.References, x.Columns), "foreign key %s of %s needs it",
					k.Name, other)
			}
		}
		for _, k := range t.ForeignKeys {
			p.fail(k.Target == n && len(k.References) > 0 && schema.SameSet(k.References, x.Columns),
				"foreign key %s of %s needs it", k.Name, n)
		}
	}
	t.DropConstraint(c.GetName())
}

func (p *pass) checkAttach(n catalog.Ref, parent *catalog.Table, c *pg.PartitionCmd) {
	if p.absent(c.GetName()) {
		return
	}
	p.failIf("a row does not fit the bound")
	child := p.state.Named(c.GetName())
	t := p.state.Table(child)
	if t == nil || !p.state.ColumnsKnown(child) {
		return
	}
	for _, column := range t.Columns {
		p.fail(parent.Column(column.Name) == nil, "column %q of %s is not in %s", column.Name, child, n)
	}
	for _, column := range parent.Columns {
		p.fail(t.Column(column.Name) == nil, "column %q of %s is not in %s", column.Name, n, child)
	}
}
