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
		rightRules(),
		sessionRules(), failureRules())
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
