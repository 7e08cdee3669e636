package sqlreview

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// disprove marks blocks of the lock family about statements that rewrote nothing, read nothing and built nothing when they were tried,
// and lowers them where the policy lets a trial on a copy of the same shape do so. mine has the statements of the traced file.
func (r *Report) disprove(mine Report, t Trace) {
	rules := Rules()
	lowered := false
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.File != mine.traced() || f.Severity != SeverityBlock || !bySize(rules[f.Rule]) || !idle(mine, t, f.statement) {
			continue
		}
		f.Disproved = true
		if r.policy.TraceLowers && t.SameShape && r.LeftOut == 0 {
			f.Severity, f.Plain, lowered = SeverityWarn, SeverityBlock, true
		}
	}
	if lowered {
		r.Verdict = Pass
		r.judge()
	}
}

// traced is the name of the file whose statements a report was reduced to.
func (r Report) traced() string {
	if len(r.Statements) == 0 {
		return ""
	}
	return r.Statements[0].File
}

// bySize says whether a rule is about work that a trial sees: not about rows that are written, nor about locks that are asked for.
func bySize(r Rule) bool {
	return r.Family == FamilyLock && r.ID != backfillNoWhere().Rule.ID && r.ID != explicitLock().Rule.ID
}

// idle says whether a statement was tried, in a transaction and to its end, and did no work of the size of a table. What stands in a
// body may have been passed over, so a body proves nothing.
func idle(mine Report, t Trace, statement int) bool {
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

// SameShape says whether two catalogs differ in sizes only. One that is nil has no shape.
func SameShape(a, b *Catalog) bool {
	if a == nil || b == nil {
		return false
	}
	left, err1 := json.Marshal(a.shape())
	right, err2 := json.Marshal(b.shape())
	return err1 == nil && err2 == nil && bytes.Equal(left, right)
}

// shape is the catalog without sizes; of the version, the major one counts.
func (c Catalog) shape() Catalog {
	c.ServerVersion /= 10_000
	c.Names = nil // what a server could install, and its roles, are its own
	c.Tables = slices.Clone(c.Tables)
	for i := range c.Tables {
		c.Tables[i].Rows, c.Tables[i].Bytes = 0, 0
	}
	return c
}
