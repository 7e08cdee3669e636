package sqlreview

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"fairlead/internal/sqlreview/rules"
	"fairlead/internal/sqltext"
)

// switchedOff says whether a policy has switched a rule off.
func switchedOff(p Policy, rule string) bool {
	return p.Rules[rule] == LevelOff && CheckLevel(rule, LevelOff) == nil
}

// minReason is how many characters a reason has at least.
const minReason = 15

// exceptions reads the comments of the present file and lets them speak for the findings of the statement that follows
// each. first is the file's first finding.
func (r *reviewer) exceptions(first int) {
	last := len(r.report.Findings)
	for _, note := range r.script.Notes {
		rule, w, err := parseException(r.script.Slice(note), r.now)
		statement := r.after(note)
		if err == nil && statement < 0 {
			err = fmt.Errorf("no statement follows it")
		}
		if err != nil {
			r.note(rules.Fixed(rules.BadException), note.Start, "this exception is not valid: "+err.Error(),
				r.script.Slice(note))
			continue
		}
		used := false
		for i := first; i < last; i++ {
			f := &r.report.Findings[i]
			if f.Statement == statement && f.Rule == rule {
				f.Waived, used = &w, true
			}
		}
		if !used && !switchedOff(r.policy, rule) {
			r.note(rules.Fixed(rules.UnusedException), note.Start,
				fmt.Sprintf("nothing in the next statement is a case of %s", rule), r.script.Slice(note))
		}
	}
}

// after gives the statement that a comment stands before, or -1. A comment inside a statement belongs to nothing.
func (r *reviewer) after(note sqltext.Range) int {
	for i, st := range r.script.Statements {
		switch {
		case st.Start < note.Start && note.End <= st.End:
			return -1
		case st.Start >= note.End && r.script.Node(i).GetTransactionStmt() == nil:
			return i
		}
	}
	return -1
}

// exceptionForm is the one form that is understood; anything more or less is an error.
var exceptionForm = regexp.MustCompile(`^--\s*fairlead:allow\s+([a-z0-9-]+)\s+reason="([^"]*)"\s+until=(\S+)\s*$`)

func parseException(comment string, now time.Time) (rule string, w Waived, err error) {
	m := exceptionForm.FindStringSubmatch(strings.TrimRight(comment, "\r\n"))
	if m == nil {
		return "", w, fmt.Errorf(`it must read -- fairlead:allow RULE reason="…" until=YYYY-MM-DD`)
	}
	w = Waived{How: "exception", Reason: m[2], Until: m[3]}
	return m[1], w, checkWaived(w, m[1], now)
}

// checkWaived says what is wrong with an exception or waiver.
func checkWaived(w Waived, rule string, now time.Time) error {
	known, ok := Rules()[rule]
	switch {
	case !ok:
		return fmt.Errorf("there is no rule %q", rule)
	case known.ID == rules.BadException:
		return fmt.Errorf("%s cannot be excepted", rule)
	case utf8.RuneCountInString(strings.TrimSpace(w.Reason)) < minReason:
		return fmt.Errorf("its reason has fewer than %d characters", minReason)
	}
	until, err := time.Parse(time.DateOnly, w.Until)
	if err != nil {
		return fmt.Errorf("%q is no day like 2027-01-31", w.Until)
	}
	if now.IsZero() || !now.UTC().Before(until.AddDate(0, 0, 1)) {
		return fmt.Errorf("it was valid until %s", w.Until)
	}
	return nil
}
