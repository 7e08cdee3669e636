package sqlreview

import (
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

func (p *pass) failAlter(a *pg.AlterTableStmt) {
	n := p.state.named(a.GetRelation())
	switch a.GetObjtype() {
	case pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_TYPE:
		return
	}
	if p.state.base.names[n] != "" || p.state.sequences[n] {
		return // ALTER TABLE may name an index or a sequence
	}
	if !a.GetMissingOk() && p.absent(a.GetRelation()) {
		return
	}
	if !p.state.whole(n) {
		return
	}
	shadow := p.state.table(n).clone() // as the commands before make it
	for _, c := range inPasses(a.GetCmds()) {
		p.failCommand(n, shadow, c)
	}
	if !a.GetRelation().GetInh() && len(p.state.heirs(n)) > 0 {
		for _, node := range a.GetCmds() {
			p.fail(node.GetAlterTableCmd().GetSubtype() == pg.AlterTableType_AT_AddColumn, "the column must be added to child tables too")
		}
	}
}

// inPasses gives the commands in the order in which the server works on them: what is dropped, types, new columns, the rest.
func inPasses(cmds []*pg.Node) []*pg.AlterTableCmd {
	var out []*pg.AlterTableCmd
	for _, node := range cmds {
		out = append(out, node.GetAlterTableCmd())
	}
	rank := func(c *pg.AlterTableCmd) int {
		switch c.GetSubtype() {
		case pg.AlterTableType_AT_DropColumn, pg.AlterTableType_AT_DropConstraint, pg.AlterTableType_AT_DropNotNull, pg.AlterTableType_AT_DropIdentity:
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

func (p *pass) failCommand(n name, t *Table, c *pg.AlterTableCmd) {
	switch c.GetSubtype() {
	case pg.AlterTableType_AT_AddColumn:
		p.failAddColumn(n, t, c)
	case pg.AlterTableType_AT_DropColumn:
		p.failDropColumn(n, t, c)
	case pg.AlterTableType_AT_AddConstraint:
		p.failConstraint(n, t, c.GetDef().GetConstraint())
		if k := c.GetDef().GetConstraint(); k.GetConname() != "" && k.GetContype() == pg.ConstrType_CONSTR_CHECK {
			t.Checks = append(t.Checks, Check{Name: k.GetConname()})
		}
	case pg.AlterTableType_AT_DropConstraint:
		p.failDropConstraint(n, t, c)
	case pg.AlterTableType_AT_ValidateConstraint:
		p.fail(!t.constrained(c.GetName()), fmt.Sprintf("constraint %q of %s does not exist", c.GetName(), n))
		p.failIf(violated)
	case pg.AlterTableType_AT_AttachPartition:
		p.failAttach(n, t, c.GetDef().GetPartitionCmd())
	case pg.AlterTableType_AT_DetachPartition:
		child := p.state.named(c.GetDef().GetPartitionCmd().GetName())
		known := p.state.table(child)
		p.fail(known != nil && !slices.Contains(known.Parents, n.ref()), fmt.Sprintf("%s is no partition of %s", child, n))
		p.failIf("it is no partition")
	case pg.AlterTableType_AT_SetNotNull, pg.AlterTableType_AT_DropNotNull, pg.AlterTableType_AT_AlterColumnType, pg.AlterTableType_AT_ColumnDefault,
		pg.AlterTableType_AT_SetStatistics, pg.AlterTableType_AT_SetStorage, pg.AlterTableType_AT_AddIdentity, pg.AlterTableType_AT_DropIdentity:
		p.failColumn(n, t, c)
	case pg.AlterTableType_AT_EnableTrig, pg.AlterTableType_AT_DisableTrig:
		p.fail(t.trigger(c.GetName()) == nil, fmt.Sprintf("trigger %q of %s does not exist", c.GetName(), n))
	}
}

func (p *pass) failAddColumn(n name, t *Table, c *pg.AlterTableCmd) {
	def := c.GetDef().GetColumnDef()
	if t.column(def.GetColname()) != nil {
		p.fail(!c.GetMissingOk(), fmt.Sprintf("column %q of %s already exists", def.GetColname(), n))
		return
	}
	f := columnFacts(def)
	typ := typeOf(def.GetTypeName())
	if f.notNull && !f.filled(typ) {
		p.fail(t.Rows > 0 && p.policy.AssumeRows == 0 && !p.state.isFresh(n), fmt.Sprintf("the rows of %s have no value for %q", n, def.GetColname()))
		p.failIf("the table has a row")
	}
	for _, k := range f.constraints {
		switch k.GetContype() {
		case pg.ConstrType_CONSTR_FOREIGN:
			if p.state.named(k.GetPktable()) != n {
				p.failTarget(k)
			}
			p.failIf(violated)
		case pg.ConstrType_CONSTR_PRIMARY:
			p.fail(t.primary() != nil, fmt.Sprintf("%s has a primary key already", n))
			p.failIf(violated)
		case pg.ConstrType_CONSTR_CHECK, pg.ConstrType_CONSTR_UNIQUE:
			p.failIf(violated)
		}
	}
	p.state.defineColumn(t, def)
}

func (p *pass) failDropColumn(n name, t *Table, c *pg.AlterTableCmd) {
	if t.column(c.GetName()) == nil {
		p.fail(!c.GetMissingOk(), fmt.Sprintf("column %q of %s does not exist", c.GetName(), n))
		return
	}
	if c.GetBehavior() != pg.DropBehavior_DROP_CASCADE {
		if views := p.state.readers(n, c.GetName()); len(views) > 0 {
			p.fail(true, fmt.Sprintf("view %s reads column %q", views[0], c.GetName()))
		}
		for _, other := range p.state.referrers(n) {
			for _, k := range p.state.table(other).ForeignKeys {
				p.fail(k.Target == n.ref() && slices.Contains(k.References, c.GetName()), fmt.Sprintf("a foreign key of %s refers to column %q", other, c.GetName()))
			}
		}
	}
	t.dropColumn(c.GetName())
}

func (p *pass) failColumn(n name, t *Table, c *pg.AlterTableCmd) {
	column := t.column(c.GetName())
	if column == nil {
		p.fail(c.GetName() != "" && c.GetNum() == 0, fmt.Sprintf("column %q of %s does not exist", c.GetName(), n))
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
		p.fail(t.primary() != nil && slices.Contains(t.primary().Columns, c.GetName()), fmt.Sprintf("column %q is in the primary key", c.GetName()))
		p.fail(column.Identity, fmt.Sprintf("column %q is an identity column", c.GetName()))
		column.NotNull = false
	case pg.AlterTableType_AT_AlterColumnType:
		if views := p.state.readers(n, c.GetName()); len(views) > 0 {
			p.fail(true, fmt.Sprintf("view %s reads column %q", views[0], c.GetName()))
		}
		p.failType(n, t, column, c.GetDef().GetColumnDef())
	case pg.AlterTableType_AT_AddIdentity:
		p.fail(!column.NotNull, fmt.Sprintf("column %q must be NOT NULL before it can be an identity", c.GetName()))
		p.fail(column.HasDefault, fmt.Sprintf("column %q has a default already", c.GetName()))
	case pg.AlterTableType_AT_DropIdentity:
		p.fail(!column.Identity && !c.GetMissingOk(), fmt.Sprintf("column %q is no identity column", c.GetName()))
	}
}

// failType claims that a type cannot become another one without USING.
func (p *pass) failType(n name, t *Table, column *Column, def *pg.ColumnDef) {
	p.failIf("a value does not fit, or something depends on the type")
	if t.Kind == KindPartitioned || t.Partition {
		p.failIf("the column belongs to the partition key")
	}
	from, to := parseType(column.Type), typeOf(def.GetTypeName())
	if !builtin(from.name) || from.name == to.name || p.state.casts {
		return
	}
	p.failDefaultType(column, from, to)
	if def.GetRawDefault() != nil || from.name == to.name {
		return
	}
	if builtin(to.name) || p.state.enum("", to.name) != nil {
		p.fail(!assignable(from, to) && !from.array && !to.array, fmt.Sprintf("%s of %q cannot be cast automatically to %s", column.Type, column.Name, to.name))
	}
}

// failDefaultType claims that a default does not follow its column to another type: USING is not for it.
func (p *pass) failDefaultType(column *Column, from, to sqlType) {
	if !column.HasDefault || column.Identity || column.Generated || from.array != to.array || from.array {
		return
	}
	enum := p.state.enum("", to.name) != nil || p.state.types[to.name] && !p.state.domains[to.name]
	p.fail((builtin(to.name) || enum) && !assignable(from, to), fmt.Sprintf("the default of %q cannot be cast automatically to %s", column.Name, to.name))
}

// failKeyTypes claims that no operator compares the two sides of a foreign key.
func (p *pass) failKeyTypes(t *Table, columns []string, k *pg.Constraint) {
	target := p.state.named(k.GetPktable())
	other := p.state.table(target)
	references := names(k.GetPkAttrs())
	if other == nil || !p.state.whole(target) {
		return
	}
	if len(references) == 0 && other.primary() != nil {
		references = other.primary().Columns
	}
	for i, column := range columns {
		if i >= len(references) {
			return
		}
		a, b := t.column(column), other.column(references[i])
		if a == nil || b == nil {
			continue
		}
		from, to := parseType(a.Type), parseType(b.Type)
		p.fail(builtin(from.name) && builtin(to.name) && (from.array != to.array || castGroup(from.name) != castGroup(to.name)),
			fmt.Sprintf("%s of %q cannot be compared with %s of %s.%s", a.Type, column, b.Type, target, b.Name))
	}
}

func (p *pass) failConstraint(n name, t *Table, k *pg.Constraint) {
	p.fail(k.GetConname() != "" && t.constrained(k.GetConname()), fmt.Sprintf("constraint %q of %s already exists", k.GetConname(), n))
	switch k.GetContype() {
	case pg.ConstrType_CONSTR_FOREIGN:
		for _, column := range names(k.GetFkAttrs()) {
			p.fail(t.column(column) == nil, fmt.Sprintf("column %q of %s does not exist", column, n))
		}
		if target := p.state.named(k.GetPktable()); target != n {
			p.failTarget(k)
		}
		p.failKeyTypes(t, names(k.GetFkAttrs()), k)
		if !k.GetSkipValidation() {
			p.failIf(violated)
		}
	case pg.ConstrType_CONSTR_PRIMARY:
		p.fail(t.primary() != nil, fmt.Sprintf("%s has a primary key already", n))
		p.failKey(n, t, k)
	case pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_EXCLUSION:
		p.failKey(n, t, k)
	case pg.ConstrType_CONSTR_CHECK:
		for _, column := range columnsOf(k.GetRawExpr()) {
			p.fail(t.column(column) == nil && column != t.Name, fmt.Sprintf("column %q of %s does not exist", column, n))
		}
		if !k.GetSkipValidation() {
			p.failIf(violated)
		}
	}
}

func (p *pass) failKey(n name, t *Table, k *pg.Constraint) {
	if k.GetIndexname() == "" {
		for _, column := range names(k.GetKeys()) {
			p.fail(t.column(column) == nil, fmt.Sprintf("column %q of %s does not exist", column, n))
		}
		p.failIf(violated)
		return
	}
	x := t.index(k.GetIndexname())
	p.fail(x == nil, fmt.Sprintf("index %q of %s does not exist", k.GetIndexname(), n))
	p.fail(x != nil && !x.Unique, fmt.Sprintf("index %q is not unique", k.GetIndexname()))
	p.fail(x != nil && !x.Valid, fmt.Sprintf("index %q is not valid", k.GetIndexname()))
	p.fail(x != nil && x.Partial, fmt.Sprintf("index %q is partial", k.GetIndexname()))
	p.failIf(violated)
}

func (p *pass) failDropConstraint(n name, t *Table, c *pg.AlterTableCmd) {
	if !t.constrained(c.GetName()) {
		p.fail(!c.GetMissingOk(), fmt.Sprintf("constraint %q of %s does not exist", c.GetName(), n))
		return
	}
	if x := t.index(c.GetName()); x != nil && c.GetBehavior() != pg.DropBehavior_DROP_CASCADE {
		for _, other := range p.state.referrers(n) {
			for _, k := range p.state.table(other).ForeignKeys {
				p.fail(k.Target == n.ref() && sameSet(k.References, x.Columns), fmt.Sprintf("foreign key %s of %s needs it", k.Name, other))
			}
		}
		for _, k := range t.ForeignKeys {
			p.fail(k.Target == n.ref() && len(k.References) > 0 && sameSet(k.References, x.Columns), fmt.Sprintf("foreign key %s of %s needs it", k.Name, n))
		}
	}
	t.dropConstraint(c.GetName())
}

func sameSet(a, b []string) bool {
	return slices.Equal(unique(a), unique(b))
}

func (p *pass) failAttach(n name, parent *Table, c *pg.PartitionCmd) {
	if p.absent(c.GetName()) {
		return
	}
	p.failIf("a row does not fit the bound")
	child := p.state.named(c.GetName())
	t := p.state.table(child)
	if t == nil || !p.state.whole(child) {
		return
	}
	for _, column := range t.Columns {
		p.fail(parent.column(column.Name) == nil, fmt.Sprintf("column %q of %s is not in %s", column.Name, child, n))
	}
	for _, column := range parent.Columns {
		p.fail(t.column(column.Name) == nil, fmt.Sprintf("column %q of %s is not in %s", column.Name, n, child))
	}
}
