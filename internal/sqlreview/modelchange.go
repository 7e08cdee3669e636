package sqlreview

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// define notes what a CREATE TABLE makes.
func (s *state) define(n name, c *pg.CreateStmt) {
	r := s.of(n)
	t := &Table{Schema: n.schema, Name: n.name, Kind: KindTable, Partition: c.GetPartbound() != nil}
	if c.GetPartspec() != nil {
		t.Kind = KindPartitioned
	}
	r.known, r.loose = t, c.GetOfTypename() != nil
	for _, p := range c.GetInhRelations() {
		parent := s.named(p.GetRangeVar())
		t.Parents = append(t.Parents, parent.ref())
		s.base.parents = true
		if known := s.table(parent); known != nil {
			t.Columns = append(t.Columns, known.Columns...)
		}
		r.loose = true // keys and constraints of the parent come along under names of their own
	}
	var constraints []*pg.Constraint
	for _, e := range c.GetTableElts() {
		switch {
		case e.GetColumnDef() != nil:
			s.defineColumn(t, e.GetColumnDef())
		case e.GetConstraint() != nil:
			constraints = append(constraints, e.GetConstraint())
		default: // LIKE another table
			r.loose = true
		}
	}
	for _, k := range constraints {
		s.defineConstraint(t, k, "")
	}
}

// defineColumn adds a column with what its constraints make.
func (s *state) defineColumn(t *Table, def *pg.ColumnDef) {
	f := columnFacts(def)
	typ := typeOf(def.GetTypeName())
	notNull := f.notNull || f.identity || f.serial(typ)
	if i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == def.GetColname() }); i >= 0 {
		t.Columns = slices.Delete(t.Columns, i, i+1)
	}
	t.Columns = append(t.Columns, Column{
		Name: def.GetColname(), Type: serialBase(typ).String(), NotNull: notNull, HasDefault: f.filled(typ), Identity: f.identity, Generated: f.generated,
	})
	if f.identity || f.serial(typ) {
		s.sequences[name{t.Schema, t.Name + "_" + def.GetColname() + "_seq"}] = true
	}
	for _, k := range f.constraints {
		s.defineConstraint(t, k, def.GetColname())
	}
}

// maxName is how many bytes of a name the server keeps.
const maxName = 63

func serialBase(t sqlType) sqlType {
	switch t.name {
	case "serial", "serial4":
		t.name = "int4"
	case "bigserial", "serial8":
		t.name = "int8"
	case "smallserial", "serial2":
		t.name = "int2"
	}
	return t
}

// defineConstraint adds a constraint of a column or a table, under the name that the server would choose.
func (s *state) defineConstraint(t *Table, k *pg.Constraint, column string) {
	columns := names(k.GetKeys())
	if column != "" {
		columns = []string{column}
	}
	auto := func(suffix string, columns ...string) string {
		if k.GetConname() != "" {
			return k.GetConname()
		}
		base := strings.Join(append([]string{t.Name}, columns...), "_") + "_" + suffix
		if len(base) > maxName {
			s.of(name{t.Schema, t.Name}).loose = true // the server cuts it in a way of its own
		}
		for i := 0; ; i++ {
			try := base
			if i > 0 {
				try += strconv.Itoa(i)
			}
			if !t.constrained(try) {
				return try
			}
		}
	}
	switch k.GetContype() {
	case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_EXCLUSION:
		primary := k.GetContype() == pg.ConstrType_CONSTR_PRIMARY
		x := Index{Unique: k.GetContype() != pg.ConstrType_CONSTR_EXCLUSION, Valid: true, Primary: primary, Constraint: true, Columns: columns}
		switch {
		case k.GetIndexname() != "":
			s.adopt(t, k, primary)
			return
		case primary:
			x.Name = auto("pkey")
		case x.Unique:
			x.Name = auto("key", columns...)
		default:
			x.Name = auto("excl", columns...)
		}
		t.Indexes = append(t.Indexes, x)
		s.indexTable[name{t.Schema, x.Name}] = name{t.Schema, t.Name}
		if primary {
			t.require(columns)
		}
	case pg.ConstrType_CONSTR_FOREIGN:
		if column == "" {
			columns = names(k.GetFkAttrs())
		}
		target := s.named(k.GetPktable())
		t.ForeignKeys = append(t.ForeignKeys, ForeignKey{Name: auto("fkey", columns...), Columns: columns, Target: target.ref(),
			References: names(k.GetPkAttrs()), Valid: !k.GetSkipValidation()})
	case pg.ConstrType_CONSTR_CHECK:
		used := columnsOf(k.GetRawExpr())
		suffix := []string{}
		if len(used) == 1 {
			suffix = used
		}
		n := auto("check", suffix...)
		t.Checks = append(t.Checks, Check{Name: n, Valid: !k.GetSkipValidation(), Columns: used})
		s.of(name{t.Schema, t.Name}).checks[n] = checking{k.GetRawExpr(), !k.GetSkipValidation()}
	}
}

// adopt turns an index into a constraint, under the constraint's name.
func (s *state) adopt(t *Table, k *pg.Constraint, primary bool) {
	for i := range t.Indexes {
		x := &t.Indexes[i]
		if x.Name != k.GetIndexname() {
			continue
		}
		x.Constraint, x.Primary = true, primary
		if k.GetConname() != "" {
			x.Name = k.GetConname()
		}
		if primary {
			t.require(x.Columns)
		}
	}
}

func (t *Table) require(columns []string) {
	for i := range t.Columns {
		if slices.Contains(columns, t.Columns[i].Name) {
			t.Columns[i].NotNull = true
		}
	}
}

// constrained says whether a constraint (or its index) has that name.
func (t *Table) constrained(n string) bool {
	if t == nil {
		return false
	}
	return slices.ContainsFunc(t.Checks, func(c Check) bool { return c.Name == n }) ||
		slices.ContainsFunc(t.ForeignKeys, func(k ForeignKey) bool { return k.Name == n }) ||
		slices.ContainsFunc(t.Indexes, func(x Index) bool { return x.Name == n && x.Constraint })
}

func (t *Table) index(n string) *Index {
	if t == nil {
		return nil
	}
	for i := range t.Indexes {
		if t.Indexes[i].Name == n {
			return &t.Indexes[i]
		}
	}
	return nil
}

func (t *Table) primary() *Index {
	if t == nil {
		return nil
	}
	for i := range t.Indexes {
		if t.Indexes[i].Primary {
			return &t.Indexes[i]
		}
	}
	return nil
}

func (t *Table) check(n string) *Check {
	if t == nil {
		return nil
	}
	for i := range t.Checks {
		if t.Checks[i].Name == n {
			return &t.Checks[i]
		}
	}
	return nil
}

func (t *Table) foreignKey(n string) *ForeignKey {
	if t == nil {
		return nil
	}
	for i := range t.ForeignKeys {
		if t.ForeignKeys[i].Name == n {
			return &t.ForeignKeys[i]
		}
	}
	return nil
}

// dropConstraint forgets a constraint and its index.
func (t *Table) dropConstraint(n string) {
	t.Checks = slices.DeleteFunc(t.Checks, func(c Check) bool { return c.Name == n })
	t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(k ForeignKey) bool { return k.Name == n })
	t.Indexes = slices.DeleteFunc(t.Indexes, func(x Index) bool { return x.Name == n && x.Constraint })
}

// dropColumn forgets a column, and with it what is built on it.
func (t *Table) dropColumn(n string) {
	t.Columns = slices.DeleteFunc(t.Columns, func(c Column) bool { return c.Name == n })
	t.Checks = slices.DeleteFunc(t.Checks, func(c Check) bool { return slices.Contains(c.Columns, n) })
	t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(k ForeignKey) bool { return slices.Contains(k.Columns, n) })
	t.Indexes = slices.DeleteFunc(t.Indexes, func(x Index) bool { return slices.Contains(x.Columns, n) || slices.Contains(x.Depends, n) })
}

// renameColumn follows a new name everywhere.
func (t *Table) renameColumn(from, to string) {
	swap := func(all []string) []string {
		out := slices.Clone(all)
		for i := range out {
			if out[i] == from {
				out[i] = to
			}
		}
		return out
	}
	for i := range t.Columns {
		if t.Columns[i].Name == from {
			t.Columns[i].Name = to
		}
	}
	for i := range t.Checks {
		t.Checks[i].Columns = swap(t.Checks[i].Columns)
	}
	for i := range t.Indexes {
		t.Indexes[i].Columns, t.Indexes[i].Depends = swap(t.Indexes[i].Columns), swap(t.Indexes[i].Depends)
	}
	for i := range t.ForeignKeys {
		t.ForeignKeys[i].Columns = swap(t.ForeignKeys[i].Columns)
	}
}

func names(all []*pg.Node) []string {
	var out []string
	for _, n := range all {
		out = append(out, n.GetString_().GetSval())
	}
	return out
}
