package schema

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/syntax"
)

// define notes what a CREATE TABLE makes.
func (s *State) define(n catalog.Ref, c *pg.CreateStmt) {
	r := s.touch(n)
	t := &catalog.Table{Schema: n.Schema, Name: n.Name, Kind: catalog.KindTable, Partition: c.GetPartbound() != nil}
	if c.GetPartspec() != nil {
		t.Kind = catalog.KindPartitioned
	}
	r.table, r.columnsUncertain = t, c.GetOfTypename() != nil
	for _, p := range c.GetInhRelations() {
		parent := s.Named(p.GetRangeVar())
		t.Parents = append(t.Parents, parent)
		s.base.parents = true
		if known := s.Table(parent); known != nil {
			t.Columns = append(t.Columns, known.Columns...)
		}
		// keys and constraints of the parent come along under names of their own
		r.columnsUncertain = true
	}
	var constraints []*pg.Constraint
	for _, e := range c.GetTableElts() {
		switch {
		case e.GetColumnDef() != nil:
			s.DefineColumn(t, e.GetColumnDef())
		case e.GetConstraint() != nil:
			constraints = append(constraints, e.GetConstraint())
		default:
			// LIKE another table
			r.columnsUncertain = true
		}
	}
	for _, k := range constraints {
		s.defineConstraint(t, k, "")
	}
}

// DefineColumn adds a column with what its constraints make.
func (s *State) DefineColumn(t *catalog.Table, def *pg.ColumnDef) {
	f := syntax.FactsOf(def)
	typ := syntax.TypeOf(def.GetTypeName())
	notNull := f.NotNull || f.Identity || f.Serial(typ)
	if i := slices.IndexFunc(t.Columns, func(c catalog.Column) bool { return c.Name == def.GetColname() }); i >= 0 {
		t.Columns = slices.Delete(t.Columns, i, i+1)
	}
	t.Columns = append(t.Columns, catalog.Column{
		Name: def.GetColname(), Type: syntax.SerialBase(typ).String(), NotNull: notNull, HasDefault: f.Filled(typ),
		Identity: f.Identity, Generated: f.Generated,
	})
	if f.Identity || f.Serial(typ) {
		s.Sequences[catalog.Ref{Schema: t.Schema, Name: t.Name + "_" + def.GetColname() + "_seq"}] = true
	}
	for _, k := range f.Constraints {
		s.defineConstraint(t, k, def.GetColname())
	}
}

// maxName is how many bytes of a name the server keeps.
const maxName = 63

// defineConstraint adds a constraint of a column or a table, under the name that the server would choose.
func (s *State) defineConstraint(t *catalog.Table, k *pg.Constraint, column string) {
	columns := syntax.Strings(k.GetKeys())
	if column != "" {
		columns = []string{column}
	}
	auto := func(suffix string, columns ...string) string {
		if k.GetConname() != "" {
			return k.GetConname()
		}
		base := strings.Join(append([]string{t.Name}, columns...), "_") + "_" + suffix
		if len(base) > maxName {
			// the server cuts it in a way of its own
			s.touch(catalog.Ref{Schema: t.Schema, Name: t.Name}).columnsUncertain = true
		}
		for i := 0; ; i++ {
			try := base
			if i > 0 {
				try += strconv.Itoa(i)
			}
			if !t.Constrained(try) {
				return try
			}
		}
	}
	switch k.GetContype() {
	case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_EXCLUSION:
		primary := k.GetContype() == pg.ConstrType_CONSTR_PRIMARY
		x := catalog.Index{Unique: k.GetContype() != pg.ConstrType_CONSTR_EXCLUSION, Valid: true, Primary: primary,
			Constraint: true, Columns: columns}
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
		s.IndexTable[catalog.Ref{Schema: t.Schema, Name: x.Name}] = catalog.Ref{Schema: t.Schema, Name: t.Name}
		if primary {
			t.Require(columns)
		}
	case pg.ConstrType_CONSTR_FOREIGN:
		if column == "" {
			columns = syntax.Strings(k.GetFkAttrs())
		}
		target := s.Named(k.GetPktable())
		t.ForeignKeys = append(t.ForeignKeys, catalog.ForeignKey{Name: auto("fkey", columns...), Columns: columns,
			Target:     target,
			References: syntax.Strings(k.GetPkAttrs()), Valid: !k.GetSkipValidation()})
	case pg.ConstrType_CONSTR_CHECK:
		used := syntax.ColumnsOf(k.GetRawExpr())
		suffix := []string{}
		if len(used) == 1 {
			suffix = used
		}
		n := auto("check", suffix...)
		t.Checks = append(t.Checks, catalog.Check{Name: n, Valid: !k.GetSkipValidation(), Columns: used})
		s.touch(catalog.Ref{Schema: t.Schema, Name: t.Name}).checks[n] = checking{k.GetRawExpr(),
			!k.GetSkipValidation()}
	}
}

// adopt turns an index into a constraint, under the constraint's name.
func (s *State) adopt(t *catalog.Table, k *pg.Constraint, primary bool) {
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
			t.Require(x.Columns)
		}
	}
}
