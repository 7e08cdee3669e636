package rules

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/syntax"
)

// sessionRules are about locks, settings and what nobody can look into.
func sessionRules() []Analyzer {
	return []Analyzer{
		{report.Rule{ID: "index-without-statistics", Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why: "The planner knows nothing about a column or expression that was never analysed, and may read " +
				"the whole table although the index is there.",
			Do:     "ANALYZE table;  -- after CREATE INDEX, in the same file",
			Server: "CREATE INDEX gathers no statistics; ANALYZE reads a sample under SHARE UPDATE EXCLUSIVE.",
			Unless: "When the same file analyses the table, or those columns, afterwards; on a table with fewer rows " +
				"than `small_rows`."}, indexWithoutStatistics},
		{report.Rule{ID: "explicit-lock", Family: report.FamilyLock, Severity: report.SeverityBlock,
			TrialSeesNothing: true, Why: "The lock is held until the end of the transaction, whatever else it does.",
			Do:     "leave the lock to the statements that need it, and let lock_timeout protect the readers",
			Server: "The lock that is named, until the transaction ends."}, explicitLock},
		{report.Rule{ID: "session-guard-off", Family: report.FamilyLoss, Severity: report.SeverityBlock,
			Why:    "What protects the rows (triggers, foreign keys) is switched off.",
			Do:     "leave it on; repair rows in a step that a person watches",
			Server: "SHARE ROW EXCLUSIVE for a moment."}, sessionGuardOff},
		{report.Rule{ID: "alter-system", Family: report.FamilyBehaviour, Severity: report.SeverityBlock,
			Why: "It changes the whole server, not this database, and outlives every rollback.",
			Do:  "change server settings outside of a migration"}, alterSystem},
		{report.Rule{ID: "domain-constraint", Family: report.FamilyLock, Severity: report.SeverityBlock,
			Why: "Every table that uses the domain is scanned while it is locked.",
			Do: "ALTER DOMAIN d ADD CONSTRAINT c CHECK (…) NOT VALID;\nALTER DOMAIN d VALIDATE CONSTRAINT c;  -- in " +
				"its own transaction"}, domainConstraint},
		{report.Rule{ID: "called-function", Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why: "The function is not made here, and a volatile function can change anything.",
			Do:  "read its body, or write its statements into the migration"}, calledFunction},
		{report.Rule{ID: "work-under-lock", Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why: "A lock is held until the transaction ends: everybody who needs the table waits for this statement " +
				"too.",
			Do: "do the slow work in a transaction before, and take the strong lock in a short one of its own"},
			workUnderLock},
		{report.Rule{ID: "lock-timeout-off", Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why: "A statement that waits for a lock without end makes all later readers of the table wait behind " +
				"it.",
			Do: "leave lock_timeout as the release sets it (2 s, with retries)"}, lockTimeoutOff},
	}
}

func indexWithoutStatistics(p *Pass) {
	i := p.Node.GetIndexStmt()
	t := p.State.Named(i.GetRelation())
	if i == nil || p.State.IsNew(t) || p.Small(t) {
		return
	}
	if what := p.State.UnknownTo(t, i.GetIndexParams()); what != "" {
		p.Report(i.GetRelation().GetLocation(), "the planner has no statistics about %s of %s, and nothing here "+
			"analyses the table afterwards", what, t)
	}
}

func explicitLock(p *Pass) {
	l := p.Node.GetLockStmt()
	// below SHARE, readers and writers go on
	if l.GetMode() < 5 {
		return
	}
	for _, r := range l.GetRelations() {
		if n := p.State.Named(r.GetRangeVar()); !p.State.IsNew(n) {
			p.Report(r.GetRangeVar().GetLocation(), "this locks %s until the transaction ends", n)
		}
	}
}

func sessionGuardOff(p *Pass) {
	if v := p.Node.GetVariableSetStmt(); v.GetName() == "session_replication_role" &&
		v.GetKind() == pg.VariableSetKind_VAR_SET_VALUE {
		p.Breaks(report.Conditional)
		p.Report(0, "session_replication_role switches off triggers and foreign keys")
	}
	t, cmds := p.Alters()
	for _, c := range cmds {
		switch c.GetSubtype() {
		case pg.AlterTableType_AT_DisableTrig, pg.AlterTableType_AT_DisableTrigAll,
			pg.AlterTableType_AT_DisableTrigUser:
			p.Breaks(report.Conditional)
			p.Report(0, "triggers of %s are switched off", t)
		case pg.AlterTableType_AT_EnableTrig, pg.AlterTableType_AT_EnableTrigAll, pg.AlterTableType_AT_EnableTrigUser,
			pg.AlterTableType_AT_EnableAlwaysTrig, pg.AlterTableType_AT_EnableReplicaTrig:
			p.Breaks(report.Conditional)
			p.ReportAs(report.SeverityWarn, "text", 0, "triggers of %s are switched on", t)
		}
	}
}

func alterSystem(p *Pass) {
	if p.Node.GetAlterSystemStmt() != nil {
		p.Breaks(report.Unknown)
		p.Report(0, "ALTER SYSTEM changes the server for everybody")
	}
	if p.Node.GetAlterDatabaseSetStmt() != nil || p.Node.GetAlterRoleSetStmt() != nil ||
		p.Node.GetAlterDatabaseStmt() != nil {
		p.Breaks(report.Conditional)
		p.ReportAs(report.SeverityWarn, "text", 0, "%s changes sessions that start from now on", p.Kind)
	}
}

func domainConstraint(p *Pass) {
	d := p.Node.GetAlterDomainStmt()
	if d == nil {
		return
	}
	n := p.State.Qualify("", syntax.LastName(d.GetTypeName()))
	if _, made := p.State.Domains[n.Name]; made {
		return
	}
	p.Breaks(report.Conditional)
	if d.GetSubtype() == "O" || d.GetSubtype() == "C" && !d.GetDef().GetConstraint().GetSkipValidation() {
		p.Report(0, "every table with a column of type %s is scanned", n)
	}
}

func calledFunction(p *Pass) {
	if p.Node.GetSelectStmt() == nil || p.State.Catalog == nil {
		return
	}
	for _, c := range syntax.Calls(p.Node) {
		n := syntax.CalledName(c)
		if len(p.State.Functions[n]) > 0 {
			continue
		}
		for _, f := range p.State.Catalog.Functions {
			if f.Name == n && f.Volatility == "v" {
				p.Breaks(report.Unknown)
				p.ReportAs(p.rule.Severity, "catalog", c.GetLocation(), "%s() is called, and what it does is not known",
					n)
				break
			}
		}
	}
}

func workUnderLock(p *Pass) {
	t := rowsRead(p.Node)
	if t == nil || p.Alone || p.State.IsNew(p.State.Named(t)) || p.Small(p.State.Named(t)) {
		return
	}
	for _, n := range p.State.Locked() {
		p.Report(t.GetLocation(), "%s stays locked (%s) while this statement works on %s", n, p.State.Touched[n].Locked,
			p.State.Named(t))
		return
	}
}

func lockTimeoutOff(p *Pass) {
	v := p.Node.GetVariableSetStmt()
	if strings.ToLower(v.GetName()) != "lock_timeout" {
		return
	}
	off := v.GetKind() == pg.VariableSetKind_VAR_SET_DEFAULT || v.GetKind() == pg.VariableSetKind_VAR_RESET
	for _, a := range v.GetArgs() {
		c := a.GetAConst()
		off = off || c.GetIval() != nil && c.GetIval().GetIval() == 0 || c.GetSval() != nil &&
			strings.Trim(c.GetSval().GetSval(), "0msinhd ") == ""
	}
	if off {
		p.Report(0, "lock_timeout is switched off")
	}
}

// rowsRead gives the relation whose rows a statement looks for, or nil when it only writes what it is given.
func rowsRead(n *pg.Node) *pg.RangeVar {
	if n.GetUpdateStmt() != nil || n.GetDeleteStmt() != nil || n.GetMergeStmt() != nil {
		return syntax.Written(n)
	}
	if from := n.GetInsertStmt().GetSelectStmt().GetSelectStmt().GetFromClause(); len(from) > 0 {
		return from[0].GetRangeVar()
	}
	return nil
}
