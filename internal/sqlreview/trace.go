package sqlreview

import (
	"fmt"
	"slices"

	"fairlead/internal/sqlreview/rules"
)

// WithTrace adds what a server did with one of the files, and a finding for each difference. A trace takes no finding
// away: a block of the lock family that it disproves is marked, and becomes a warning where the policy says so and the
// copy had the catalog's shape.
func WithTrace(r Report, file string, t Trace) Report {
	mine := r
	mine.Statements = slices.DeleteFunc(slices.Clone(r.Statements),
		func(s StatementReport) bool { return s.File != file })
	d := Compare(mine, t)
	r.Traces = append(slices.Clone(r.Traces), Traced{File: file, Trace: t, Disagreements: d})
	r.Findings = slices.Clone(r.Findings)
	disprove(&r, mine, t)
	add := func(rule Rule, severity Severity, line int, format string, args ...any) {
		message := fmt.Sprintf(format, args...)
		severity, shown := r.Policy.Weigh(rule, severity)
		if !shown {
			r.Silenced++
			return
		}
		r.Findings = append(r.Findings, Finding{Rule: rule.ID, Severity: severity, File: file, Line: max(line, 1),
			Column: 1, Message: message,
			Why: rule.Why, Do: rule.Do, Evidence: "trace", Fingerprint: fingerprint(rule.ID, file, message),
			Statement: -1})
		switch {
		case severity == SeverityBlock:
			r.Verdict = Block
		case severity == SeverityWarn && r.Verdict == Pass:
			r.Verdict = Warn
		}
	}
	for _, x := range d {
		if x.What == "fails" && x.Observed != "none" {
			// told below
			continue
		}
		add(rules.Fixed(rules.TraceDisagrees), rules.Fixed(rules.TraceDisagrees).Severity, x.Line,
			"%s of %s: the review claims %s, the server did %s", x.What, x.Kind, x.Claimed, x.Observed)
	}
	for _, o := range t.Statements {
		if o.Claims.Fails != "" {
			add(rules.Fixed(rules.TraceFailed), rules.Fixed(rules.TraceFailed).Severity, o.Line, "%s failed: %s",
				o.Kind, o.Claims.Fails)
		}
	}
	if a := t.Again; a != nil && a.Fails != "" && len(t.Statements) > 0 &&
		t.Statements[len(t.Statements)-1].Claims.Fails == "" {
		// an atomic script is recorded, and not run again
		severity := SeverityInfo
		if r.Idempotent == Guarded {
			severity = SeverityBlock
		}
		add(rules.Fixed(rules.TraceRerun), severity, a.Line, "the second run failed: %s", a.Fails)
	}
	return r
}
