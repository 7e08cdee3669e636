package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func (p *pass) claimAttach(c *pg.PartitionCmd) {
	child := p.state.named(c.GetName())
	if p.state.isFresh(child) {
		return
	}
	p.lock(child, accessExclusive)
	if p.boundProven(child, c.GetBound()) {
		return
	}
	p.scan(child)
	p.does("attach-partition", child, at(c.GetName()), "no valid CHECK proves the bound: %s is scanned while nobody can use it", child)
}

// boundProven looks for a valid CHECK that says not null and both ends of a range.
func (p *pass) boundProven(child name, b *pg.PartitionBoundSpec) bool {
	var exprs []*pg.Node
	if r := p.state.relations[child]; r != nil {
		for _, c := range r.checks {
			if c.valid {
				exprs = append(exprs, c.expr)
			}
		}
	}
	if t := p.state.catalog.table(child); t != nil {
		for _, c := range t.Checks {
			if c.Valid {
				exprs = append(exprs, parseExpression(c.Expression))
			}
		}
	}
	for _, e := range exprs {
		if rangeImplied(e, b) {
			return true
		}
	}
	return false
}

// rangeImplied accepts the one shape that is surely enough: a conjunction over
// one column of IS NOT NULL, >= lower bound and < upper bound.
func rangeImplied(e *pg.Node, b *pg.PartitionBoundSpec) bool {
	if b.GetStrategy() != "r" || len(b.GetLowerdatums()) != 1 || len(b.GetUpperdatums()) != 1 {
		return false
	}
	lower, upper := constant(b.GetLowerdatums()[0]), constant(b.GetUpperdatums()[0])
	if lower == "" || upper == "" {
		return false
	}
	columns := map[string]int{}
	for _, a := range e.GetBoolExpr().GetArgs() {
		x := a.GetAExpr()
		column := columnOf(x.GetLexpr())
		if column == "" || len(x.GetName()) != 1 {
			continue
		}
		switch value := constant(x.GetRexpr()); x.GetName()[0].GetString_().GetSval() {
		case ">=":
			if value == lower {
				columns[column] |= 1
			}
		case "<":
			if value == upper {
				columns[column] |= 2
			}
		}
	}
	for column, ends := range columns {
		if ends == 3 && impliesNotNull(e, column) {
			return true
		}
	}
	return false
}
