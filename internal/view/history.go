package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/ui"
)

const noRuns = "no run was ever recorded here\n"

// A History lists runs, the newest first.
type History []engine.Summary

// Text is the page for people.
func (all History) Text() string {
	if len(all) == 0 {
		return noRuns
	}
	rows := [][]string{{"RUN", "OPENED", "WHAT", "OUTCOME", "MIGRATED", "TOOK", "BY", "APPROVED BY"}}
	for _, r := range all {
		outcome, took, migrated := "open", "-", "no"
		if !r.Closed.IsZero() {
			outcome, took = outcomeWord(r), ui.Duration(r.Closed.Sub(r.Opened))
		}
		if r.Migrated {
			migrated = "yes"
		}
		rows = append(rows, []string{string(r.Run), ui.Clock(r.Opened), runName(r), outcome, migrated, took, r.Holder,
			cmp.Or(r.Approved, "-")})
	}
	return ui.Table(rows)
}

// Records are those of one run, the oldest first.
type Records struct {
	Records  []engine.Record `json:"records"`
	Evidence bool            `json:"-"` // the text shows it, too
}

// Text is the page for people.
func (all Records) Text() string {
	if len(all.Records) == 0 {
		return noRuns
	}
	var out sheet
	for _, r := range all.Records {
		what := string(r.Verdict)
		if r.Step != "" {
			what = fmt.Sprintf("%-9s %s", r.Step, r.Verdict)
		}
		if r.Changed {
			what += " (production changed)"
		}
		out.line("%s  #%d  %s%s", ui.Clock(r.At), r.Fence, what, sentence(r))
		if r.Verdict == engine.Opened {
			out.opening(r)
		}
		if all.Evidence && len(r.Evidence) > 0 {
			out.line("    %s %s", r.Kind, r.Evidence)
		}
	}
	return out.String()
}

// sentence is that of a record, or what it notes.
func sentence(r engine.Record) string {
	switch {
	case r.Why != "":
		return ": " + ui.Clean(r.Why)
	case r.Verdict == engine.Noted:
		return fmt.Sprintf(": %s %s", r.Kind, ui.Clip(ui.Clean(string(r.Evidence)), 160))
	}
	return ""
}

// opening adds what was approved, by whom, and what ran before.
func (s *sheet) opening(r engine.Record) {
	var o engine.Opening
	if json.Unmarshal(r.Evidence, &o) != nil {
		s.line("    this program cannot read the opening of this run")
		return
	}
	s.line("    plan %s, %s", o.Fingerprint, ui.Clean(o.Approvals.String()))
	for _, img := range o.Terms.Images {
		s.line("    image     %s", strings.TrimSpace(imageChange(img, o.Terms.Baseline)))
	}
	if m := o.Terms.Migration; m != nil {
		s.line("    migration %s, sha256 %s", ui.Clean(m.Name()), m.SHA256)
	}
	if o.Closes != nil {
		s.line("    closes    run %s: %s", o.Closes.Run, ui.Clean(o.Closes.Means))
	}
}

// A LedgerCheck says whether the chain of all records holds.
type LedgerCheck struct {
	Holds   bool       `json:"holds"`
	Records int        `json:"records"` // before the first that does not hold, or all
	Head    chain.Hash `json:"head"`
	Broken  string     `json:"broken,omitempty"`
}

// Text is the page for people about a ledger that holds.
func (c LedgerCheck) Text() string {
	if c.Records == 0 {
		return "there is no ledger here yet\n"
	}
	return fmt.Sprintf("the ledger holds: %d records, head %s\n", c.Records, c.Head)
}
