package sqlreview

import (
	"encoding/json"
	"fmt"
	"time"

	"fairlead/internal/sqlreview/rules"
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
