package sqlreview

import (
	"slices"
	"strconv"
	"strings"
	"time"

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

// claimDefaultPartition is about a new partition beside a default one: the default one is locked, and scanned for rows that would now
// belong elsewhere.
func (p *pass) claimDefaultPartition(parent name) {
	for _, d := range p.defaults(parent) {
		p.lock(d, accessExclusive)
		p.scan(d)
		p.does("attach-partition", d, 0, "the default partition %s is scanned while nobody can use it", d)
	}
}

func (p *pass) claimMayLockDefault(parent name) {
	for _, d := range p.defaults(parent) {
		p.claims.MayLock = append(p.claims.MayLock, d.String())
	}
}

func (p *pass) defaults(parent name) []name {
	var out []name
	for _, child := range p.state.heirs(parent) {
		if t := p.state.table(child); t != nil && t.Default && slices.Contains(t.Parents, parent.ref()) {
			out = append(out, child)
		}
	}
	return out
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
	if t := p.state.table(child); t != nil {
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
// one column of IS NOT NULL, >= a bound and < a bound, both inside the new ones.
func rangeImplied(e *pg.Node, b *pg.PartitionBoundSpec) bool {
	if b.GetStrategy() != "r" || len(b.GetLowerdatums()) != 1 || len(b.GetUpperdatums()) != 1 {
		return false
	}
	lower, upper := literal(b.GetLowerdatums()[0]), literal(b.GetUpperdatums()[0])
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
		switch value := literal(x.GetRexpr()); x.GetName()[0].GetString_().GetSval() {
		case ">=":
			if value == lower || value != "" && ordered(lower, value) {
				columns[column] |= 1
			}
		case "<":
			if value == upper || value != "" && ordered(value, upper) {
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

// literal is a constant, also under a cast, as one text: dates and times without their zone, in full.
func literal(n *pg.Node) string {
	if c := n.GetTypeCast(); c != nil {
		n = c.GetArg()
	}
	c := constant(n)
	if text, ok := strings.CutPrefix(c, "s"); ok {
		for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z07:00"} {
			if at, err := time.Parse(layout, strings.Replace(text, "+00", "Z", 1)); err == nil {
				return "t" + at.Format("2006-01-02 15:04:05")
			}
		}
	}
	return c
}

// ordered says whether two constants of one kind are surely in order.
func ordered(a, b string) bool {
	switch {
	case strings.HasPrefix(a, "t") && strings.HasPrefix(b, "t"):
		return a <= b
	case strings.HasPrefix(a, "i") && strings.HasPrefix(b, "i"):
		x, err1 := strconv.ParseInt(a[1:], 10, 64)
		y, err2 := strconv.ParseInt(b[1:], 10, 64)
		return err1 == nil && err2 == nil && x <= y
	}
	return false
}
