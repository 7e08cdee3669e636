package sqlreview

import (
	"fmt"
	"slices"
)

// Traced is what a server did with one file, and where the claims differ.
type Traced struct {
	File          string         `json:"file"`
	Trace         Trace          `json:"trace"`
	Disagreements []Disagreement `json:"disagreements"`
}

func traceFailed() Rule {
	return Rule{
		ID: "trace-failed", Family: FamilyFailure, Severity: SeverityBlock,
		Why: "The script was tried on a scratch database, and the server refused it.",
		Do:  "correct the statement, and try it again on a fresh copy",
	}
}

func traceDisagrees() Rule {
	return Rule{
		ID: "trace-disagrees", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "The server did something else than the review claims, so one of them does not know the database: the catalog may be old, or the copy differs.",
		Do:  "compare the scratch database with the target, and dump the catalog again",
	}
}

func traceRerun() Rule {
	return Rule{
		ID: "trace-rerun", Family: FamilyRerun, Severity: SeverityBlock,
		Why: "A script that is guarded must go through twice. One that is atomic is recorded and never run again, so there it is only told.",
		Do:  "guard the statement with IF [NOT] EXISTS or ON CONFLICT",
	}
}

// WithTrace adds what a server did with one of the files, and a finding for each difference. A trace takes no finding away: a block of
// the lock family that it disproves is marked, and becomes a warning where the policy says so and the copy had the catalog's shape.
func WithTrace(r Report, file string, t Trace) Report {
	mine := r
	mine.Statements = slices.DeleteFunc(slices.Clone(r.Statements), func(s StatementReport) bool { return s.File != file })
	d := Compare(mine, t)
	r.Traces = append(slices.Clone(r.Traces), Traced{file, t, d})
	r.Findings = slices.Clone(r.Findings)
	r.disprove(mine, t)
	add := func(rule Rule, severity Severity, line int, format string, args ...any) {
		message := fmt.Sprintf(format, args...)
		severity, shown := r.policy.level(rule, severity)
		if !shown {
			r.Silenced++
			return
		}
		r.Findings = append(r.Findings, Finding{Rule: rule.ID, Severity: severity, File: file, Line: max(line, 1), Column: 1, Message: message,
			Why: rule.Why, Do: rule.Do, Evidence: "trace", Fingerprint: fingerprint(rule.ID, file, message), statement: -1})
		switch {
		case severity == SeverityBlock:
			r.Verdict = Block
		case severity == SeverityWarn && r.Verdict == Pass:
			r.Verdict = Warn
		}
	}
	for _, x := range d {
		if x.What == "fails" && x.Observed != "none" {
			continue // told below
		}
		add(traceDisagrees(), traceDisagrees().Severity, x.Line, "%s of %s: the review claims %s, the server did %s", x.What, x.Kind, x.Claimed, x.Observed)
	}
	for _, o := range t.Statements {
		if o.Claims.Fails != "" {
			add(traceFailed(), traceFailed().Severity, o.Line, "%s failed: %s", o.Kind, o.Claims.Fails)
		}
	}
	if a := t.Again; a != nil && a.Fails != "" && len(t.Statements) > 0 && t.Statements[len(t.Statements)-1].Claims.Fails == "" {
		severity := SeverityInfo // an atomic script is recorded, and not run again
		if r.Idempotent == Guarded {
			severity = SeverityBlock
		}
		add(traceRerun(), severity, a.Line, "the second run failed: %s", a.Fails)
	}
	return r
}
