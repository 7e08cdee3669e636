package sqlreview

import (
	"slices"
	"strings"
)

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
