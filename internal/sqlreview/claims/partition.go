package claims

import (
	"slices"
	"strconv"
	"strings"
	"time"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/syntax"
)

func (p *pass) attach(c *pg.PartitionCmd) {
	child := p.state.Named(c.GetName())
	if p.state.IsNew(child) {
		return
	}
	p.lock(child, report.AccessExclusive)
	if p.boundProven(child, c.GetBound()) {
		return
	}
	p.scan(child)
	p.does("attach-partition", child, c.GetName().GetLocation(),
		"no valid CHECK proves the bound: %s is scanned while nobody can use it", child)
}

// defaultPartition is about a new partition beside a default one: the default one is locked, and scanned for rows that
// would now belong elsewhere.
func (p *pass) defaultPartition(parent catalog.Ref) {
	for _, d := range p.state.DefaultPartitions(parent) {
		p.lock(d, report.AccessExclusive)
		p.scan(d)
		p.does("attach-partition", d, 0, "the default partition %s is scanned while nobody can use it", d)
	}
}

func (p *pass) mayLockDefault(parent catalog.Ref) {
	for _, d := range p.state.DefaultPartitions(parent) {
		p.mayLock(d)
	}
}

// boundProven looks for a valid CHECK that says not null and both ends of a range.
func (p *pass) boundProven(child catalog.Ref, b *pg.PartitionBoundSpec) bool {
	return slices.ContainsFunc(p.state.ValidChecks(child), func(e *pg.Node) bool { return rangeImplied(e, b) })
}

// rangeImplied accepts the one shape that is surely enough: a conjunction over one column of IS NOT NULL, >= a bound
// and < a bound, both inside the new ones.
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
		column := syntax.ColumnOf(x.GetLexpr())
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
		if ends == 3 && syntax.ImpliesNotNull(e, column) {
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
	c := syntax.Constant(n)
	if text, ok := strings.CutPrefix(c, "s"); ok {
		for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07",
			"2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z07:00"} {
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
