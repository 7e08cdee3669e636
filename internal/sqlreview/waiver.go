package sqlreview

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"fairlead/internal/sqlreview/rules"
	"fairlead/internal/sqltext"
)

// WaiversSchema names the version of the file of waivers.
const WaiversSchema = "fairlead.waivers/v1"

// Waiver is an exception beside the file: it speaks for one finding in exactly one text, so a changed file needs a new
// one.
type Waiver struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	SHA256      string `json:"sha256"` // of the SQL
	File        string `json:"file"`   // for people
	By          string `json:"by"`
	Reason      string `json:"reason"`
	Until       string `json:"until"` // the last day, 2027-01-31
	At          string `json:"at"`    // when it was given
}

// Check says what is wrong with a waiver.
func (w Waiver) Check(now time.Time) error {
	if w.Fingerprint == "" || len(w.SHA256) != 64 || w.By == "" {
		return fmt.Errorf("it names no finding, no file or nobody")
	}
	return checkWaived(Waived{Reason: w.Reason, Until: w.Until}, w.Rule, now)
}

// DecodeWaivers reads the file of waivers; its errors name the first that is malformed. Expiry is judged by the review.
func DecodeWaivers(b []byte) ([]Waiver, error) {
	var file struct {
		Schema  string   `json:"schema"`
		Waivers []Waiver `json:"waivers"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("it is no file of waivers: %w", err)
	}
	if file.Schema != WaiversSchema {
		return nil, fmt.Errorf("its schema is %q, this program reads %q", file.Schema, WaiversSchema)
	}
	for i, w := range file.Waivers {
		until, err := time.Parse(time.DateOnly, w.Until)
		if err == nil {
			err = w.Check(until)
		}
		if err != nil {
			return nil, fmt.Errorf("waiver %d (%s): %w", i+1, w.Fingerprint, err)
		}
	}
	return file.Waivers, nil
}

// EncodeWaivers writes the file of waivers.
func EncodeWaivers(all []Waiver) ([]byte, error) {
	b, err := json.MarshalIndent(struct {
		Schema  string   `json:"schema"`
		Waivers []Waiver `json:"waivers"`
	}{WaiversSchema, all}, "", "  ")
	return append(b, '\n'), err
}

// waive lets the waivers speak for the findings of the texts that they are bound to. One that speaks for nothing there,
// or has expired, is a finding itself.
func (r *reviewer) waive(all []Waiver) {
	for _, w := range all {
		name := ""
		for _, f := range r.report.Files {
			if f.SHA256 == w.SHA256 {
				name = f.Name
			}
		}
		if name == "" {
			// of another text
			continue
		}
		err := w.Check(r.now)
		if err == nil && !r.waiveOne(w) && !switchedOff(r.policy, w.Rule) {
			err = fmt.Errorf("the review finds no %s with that fingerprint", w.Rule)
		}
		if err != nil {
			rule := rules.Fixed(rules.BadException)
			r.report.Findings = append(r.report.Findings, Finding{Rule: rule.ID, Severity: rule.Severity, File: name,
				Line: 1, Column: 1,
				Message: fmt.Sprintf("waiver %s is not valid: %v", w.Fingerprint, err), Why: rule.Why,
				Do: "fairlead review waive FINGERPRINT FILE --reason … --until …", Evidence: "text",
				Fingerprint: "waiver-" + w.Fingerprint, Statement: -1})
		}
	}
}

func (r *reviewer) waiveOne(w Waiver) bool {
	for i := range r.report.Findings {
		f := &r.report.Findings[i]
		if f.Fingerprint == w.Fingerprint && f.Sha256 == w.SHA256 && f.Rule == w.Rule && f.Rule != rules.BadException {
			f.Waived = &Waived{How: "waiver", By: w.By, Reason: w.Reason, Until: w.Until}
			return true
		}
	}
	return false
}

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
