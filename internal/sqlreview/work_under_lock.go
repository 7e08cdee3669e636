package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func workUnderLock() Analyzer {
	rule := Rule{
		ID: "work-under-lock", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "A lock is held until the transaction ends: everybody who needs the table waits for this statement too.",
		Do:  "do the slow work in a transaction before, and take the strong lock in a short one of its own",
	}
	return Analyzer{rule, func(p *pass) {
		t := rowsRead(p.node)
		if t == nil || p.alone || p.state.isFresh(p.state.named(t)) || p.state.small(p.state.named(t), p.policy) {
			return
		}
		for _, n := range p.state.locked() {
			p.report(rule, at(t), "%s stays locked (%s) while this statement works on %s", n, p.state.relations[n].locked, p.state.named(t))
			return
		}
	}}
}

// rowsRead gives the relation whose rows a statement looks for, or nil when it only writes what it is given.
func rowsRead(n *pg.Node) *pg.RangeVar {
	switch {
	case n.GetUpdateStmt() != nil:
		return n.GetUpdateStmt().GetRelation()
	case n.GetDeleteStmt() != nil:
		return n.GetDeleteStmt().GetRelation()
	case n.GetMergeStmt() != nil:
		return n.GetMergeStmt().GetRelation()
	case n.GetInsertStmt() != nil:
		from := n.GetInsertStmt().GetSelectStmt().GetSelectStmt().GetFromClause()
		if len(from) > 0 {
			return from[0].GetRangeVar()
		}
	}
	return nil
}

// locked lists relations that others use and that the open unit holds in a mode that stops writers; those that stop readers come first.
func (s *state) locked() []name {
	var readers, writers []name
	for n, r := range s.relations {
		switch {
		case r.fresh || r.locked == "":
		case r.locked == accessExclusive:
			readers = append(readers, n)
		default:
			writers = append(writers, n)
		}
	}
	return append(sortedNames(readers), sortedNames(writers)...)
}
