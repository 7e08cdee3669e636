package syntax

import pg "github.com/pganalyze/pg_query_go/v6"

// Facts are what the constraints of a column definition amount to.
type Facts struct {
	NotNull, Identity, Generated bool
	Def                          *pg.Node
	Constraints                  []*pg.Constraint
}

// FactsOf reads a column definition.
func FactsOf(c *pg.ColumnDef) Facts {
	f := Facts{NotNull: c.GetIsNotNull(), Def: c.GetRawDefault()}
	for _, n := range c.GetConstraints() {
		k := n.GetConstraint()
		f.Constraints = append(f.Constraints, k)
		switch k.GetContype() {
		case pg.ConstrType_CONSTR_NOTNULL, pg.ConstrType_CONSTR_PRIMARY:
			f.NotNull = true
		case pg.ConstrType_CONSTR_IDENTITY:
			f.Identity = true
		case pg.ConstrType_CONSTR_GENERATED:
			f.Generated = true
		case pg.ConstrType_CONSTR_DEFAULT:
			f.Def = k.GetRawExpr()
			if f.Def.GetAConst().GetIsnull() {
				f.Def = nil
			}
		}
	}
	return f
}

// Serial says whether the type stands for an integer with a sequence.
func (f Facts) Serial(t Type) bool {
	switch t.Name {
	case "serial", "bigserial", "smallserial", "serial4", "serial8", "serial2":
		return true
	}
	return false
}

// Filled says whether rows that exist get a value.
func (f Facts) Filled(t Type) bool {
	return f.Def != nil || f.Identity || f.Generated || f.Serial(t)
}
