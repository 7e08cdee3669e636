package sqlreview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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
	add := func(id string, other Severity, line int, format string, args ...any) {
		rule, message := rules.Fixed(id), fmt.Sprintf(format, args...)
		severity, shown := r.Policy.Weigh(rule, cmp.Or(other, rule.Severity))
		if !shown {
			r.Silenced++
			return
		}
		r.Findings = append(r.Findings, Finding{Rule: rule.ID, Severity: severity, File: file, Line: max(line, 1),
			Column: 1, Message: message, Why: rule.Why, Do: rule.Do, Evidence: "trace",
			Fingerprint: fingerprint(rule.ID, file, message), Statement: -1})
		r.Raise(severity)
	}
	for _, x := range d {
		// a failure is told below
		if x.What != "fails" || x.Observed == "none" {
			add(rules.TraceDisagrees, "", x.Line, "%s of %s: the review claims %s, the server did %s", x.What, x.Kind,
				x.Claimed, x.Observed)
		}
	}
	for _, o := range t.Statements {
		if o.Claims.Fails != "" {
			add(rules.TraceFailed, "", o.Line, "%s failed: %s", o.Kind, o.Claims.Fails)
		}
	}
	if a := t.Again; a != nil && a.Fails != "" && len(t.Statements) > 0 &&
		t.Statements[len(t.Statements)-1].Claims.Fails == "" {
		// an atomic script is recorded, and not run again
		severity := SeverityInfo
		if r.Idempotent == Guarded {
			severity = SeverityBlock
		}
		add(rules.TraceRerun, severity, a.Line, "the second run failed: %s", a.Fails)
	}
	return r
}

// disprove marks blocks of the lock family about statements that rewrote nothing, read nothing and built nothing when
// they were tried, and lowers them where the policy lets a trial on a copy of the same shape do so. mine has the
// statements of the traced file.
func disprove(r *Report, mine Report, t Trace) {
	rules := Rules()
	lowered := false
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.File != tracedFile(mine) || f.Severity != SeverityBlock || !rules[f.Rule].Disprovable() ||
			!didNoWork(mine, t, f.Statement) {
			continue
		}
		f.Disproved = true
		if r.Policy.TraceLowers && t.SameShape && r.LeftOut == 0 {
			f.Severity, f.Plain, lowered = SeverityWarn, SeverityBlock, true
		}
	}
	if lowered {
		r.Verdict = Pass
		r.Judge()
	}
}

// tracedFile is the name of the file whose statements a report was reduced to.
func tracedFile(r Report) string {
	if len(r.Statements) == 0 {
		return ""
	}
	return r.Statements[0].File
}

// didNoWork says whether a statement was tried, in a transaction and to its end, and did no work of the size of a
// table. What stands in a body may have been passed over, so a body proves nothing.
func didNoWork(mine Report, t Trace, statement int) bool {
	claims := 0
	for _, s := range mine.Statements {
		if s.Statement == statement {
			claims++
		}
	}
	i := slices.IndexFunc(t.Statements, func(o Observed) bool { return o.Statement == statement })
	if i < 0 || claims != 1 {
		return false
	}
	o := t.Statements[i]
	for _, kind := range []string{"DO", "SELECT", "CALL", "EXECUTE"} {
		if strings.HasPrefix(o.Kind, kind) {
			return false
		}
	}
	c := o.Claims
	return !o.Blind && c.Fails == "" && len(c.Rewrites)+len(c.Scans)+len(c.Builds) == 0
}
