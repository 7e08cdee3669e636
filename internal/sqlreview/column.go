package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// facts are what the constraints of a column definition amount to.
type facts struct {
	notNull, identity, generated bool
	def                          *pg.Node
	constraints                  []*pg.Constraint
}

func columnFacts(c *pg.ColumnDef) facts {
	f := facts{notNull: c.GetIsNotNull(), def: c.GetRawDefault()}
	for _, n := range c.GetConstraints() {
		k := n.GetConstraint()
		f.constraints = append(f.constraints, k)
		switch k.GetContype() {
		case pg.ConstrType_CONSTR_NOTNULL, pg.ConstrType_CONSTR_PRIMARY:
			f.notNull = true
		case pg.ConstrType_CONSTR_IDENTITY:
			f.identity = true
		case pg.ConstrType_CONSTR_GENERATED:
			f.generated = true
		case pg.ConstrType_CONSTR_DEFAULT:
			f.def = k.GetRawExpr()
			if f.def.GetAConst().GetIsnull() {
				f.def = nil
			}
		}
	}
	return f
}

func (f facts) serial(t sqlType) bool {
	switch t.name {
	case "serial", "bigserial", "smallserial", "serial4", "serial8", "serial2":
		return true
	}
	return false
}

// filled says whether rows that exist get a value.
func (f facts) filled(t sqlType) bool {
	return f.def != nil || f.identity || f.generated || f.serial(t)
}
