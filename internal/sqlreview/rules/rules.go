package rules

import (
	"fmt"
	"slices"
	"strings"

	"fairlead/internal/sqlreview/report"
)

// Analyzer is one rule and the function that finds it in one statement.
type Analyzer struct {
	Rule  report.Rule
	Check func(p *Pass)
}

// Analyzers lists all rules that look at one statement, in the order in which they look and a report has its findings.
func Analyzers() []Analyzer {
	return slices.Concat(dropRules(), rowRules(), nameRules(), transactionRules(), workRules(), behaviourRules(),
		rightRules(), sessionRules(), failureRules())
}

// All gives every rule by id, those that need no statement included.
func All() map[string]report.Rule {
	out := map[string]report.Rule{}
	for _, a := range Analyzers() {
		out[a.Rule.ID] = a.Rule
	}
	for _, r := range fixed() {
		out[r.ID] = r
	}
	return out
}

// CheckLevel says why a rule cannot be given a level: it is not known, or it can be raised but not lowered.
func CheckLevel(rule string, l report.Level) error {
	r, ok := All()[rule]
	if !ok {
		return fmt.Errorf("there is no rule %q%s", rule, nearRule(rule))
	}
	return r.CheckLevel(l)
}

func nearRule(rule string) string {
	for id := range All() {
		if rule != "" && (strings.Contains(id, rule) || strings.Contains(rule, id)) {
			return fmt.Sprintf("; did you mean %q?", id)
		}
	}
	return ""
}

// failureRules speak last, of what no other rule said.
func failureRules() []Analyzer {
	return []Analyzer{
		{report.Rule{ID: "will-fail", Family: report.FamilyFailure, Severity: report.SeverityBlock,
			Why: "The server will refuse the statement, and the release stops there.",
			Do: "fairlead catalog dump --database URL -o catalog.json  # if the catalog is old\n# else correct the " +
				"statement: the message says what stands in its way",
			Server: "It is refused, with the message that is shown.",
			Unless: "Under a condition or exception handler: it may never run."}, willFail},
	}
}

func willFail(p *Pass) {
	if p.Claims.Fails == "" || p.Refuses || p.Alone && p.Unit < 0 {
		return
	}
	for _, f := range p.Diagnostics {
		if f.Rule.Family == report.FamilyFailure || f.Rule.ID == "add-required-column" {
			// it says so already
			return
		}
	}
	p.ReportAs(p.rule.Severity, p.State.Evidence(), 0, "this fails: %s", p.Claims.Fails)
}

// The rules that look at no single statement, or at what cannot be read.
const (
	Unreviewable       = "unreviewable"
	DynamicSQL         = "dynamic-sql"
	TransactionControl = "transaction-control"
	ToolTransaction    = "tool-transaction"
	NotIdempotent      = "not-idempotent"
	UnknownStatement   = "unknown-statement"
	BadException       = "bad-exception"
	UnusedException    = "unused-exception"
	TraceFailed        = "trace-failed"
	TraceDisagrees     = "trace-disagrees"
	TraceRerun         = "trace-rerun"
)

func fixed() []report.Rule {
	return []report.Rule{
		{ID: Unreviewable, Family: report.FamilyUnreviewable, Severity: report.SeverityBlock,
			Why: "What cannot be read cannot be proved, so it does not reach production by itself.",
			Do:  "rewrite it as plain SQL, or have the engineering lead decide"},
		{ID: DynamicSQL, Family: report.FamilyUnreviewable, Severity: report.SeverityBlock,
			Why: "The statement is put together while it runs, so nobody can tell before what it will do.",
			Do:  "write the statements out, or have the engineering lead decide"},
		{ID: TransactionControl, Family: report.FamilyUnreviewable, Severity: report.SeverityBlock,
			Why: "The file decides about transactions or the session in a way that would make exactly-once untrue.",
			Do:  "use plain BEGIN and COMMIT in pairs, or none at all"},
		{ID: ToolTransaction, Family: report.FamilyBehaviour, Severity: report.SeverityWarn, OutsideTransaction: true,
			Why: "The migration tool sends the whole file as one query, and then PostgreSQL refuses a statement that " +
				"can be in no transaction. A release applies it on its own, so this concerns other places where the " +
				"tool runs, such as development.",
			Do: "give the statement a file of its own"},
		{ID: NotIdempotent, Family: report.FamilyRerun, Severity: report.SeverityBlock,
			Why: "If this stops half way, nobody can tell what was applied, and running it again fails or does it " +
				"twice.",
			Do: "use IF [NOT] EXISTS or ON CONFLICT, or put the statement into a transaction"},
		{ID: UnknownStatement, Family: report.FamilyUnreviewable, Severity: report.SeverityWarn,
			Why: "The reviewer has no rule for this kind of statement.",
			Do:  "look up its lock and its effect on the running image"},
		{ID: BadException, Family: report.FamilyUnreviewable, Severity: report.SeverityBlock,
			Why: "An exception that is not understood, names no rule, gives no reason or has expired silences " +
				"nothing, and must not look as if it did.",
			Do: `-- fairlead:allow RULE reason="why this is safe here" until=2027-01-31` + "\n" +
				`-- on a line of its own, before the statement`},
		{ID: UnusedException, Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why: "The rule finds nothing in the statement that follows.", Do: "remove the comment"},
		{ID: TraceFailed, Family: report.FamilyFailure, Severity: report.SeverityBlock,
			Why: "The script was tried on a scratch database, and the server refused it.",
			Do:  "correct the statement, and try it again on a fresh copy"},
		{ID: TraceDisagrees, Family: report.FamilyBehaviour, Severity: report.SeverityWarn,
			Why: "The server did something else than the review claims, so one of them does not know the database: " +
				"the catalog may be old, or the copy differs.",
			Do: "compare the scratch database with the target, and dump the catalog again"},
		{ID: TraceRerun, Family: report.FamilyRerun, Severity: report.SeverityBlock,
			Why: "A script that is guarded must go through twice. One that is atomic is recorded and never run " +
				"again, so there it is only told.",
			Do: "guard the statement with IF [NOT] EXISTS or ON CONFLICT"},
	}
}

// Fixed gives one of them by its id.
func Fixed(id string) report.Rule {
	all := fixed()
	return all[slices.IndexFunc(all, func(r report.Rule) bool { return r.ID == id })]
}
