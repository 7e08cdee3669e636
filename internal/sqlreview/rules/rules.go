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
			Do: "fairlead catalog dump --database URL -o catalog.json  # if the catalog is old\n# else correct " +
				"the statement: the message says what stands in its way",
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
