package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
	"fairlead/internal/target"
	"fairlead/internal/ui"
)

// A Plan is what a person reads before saying yes: nothing but the terms, and what planning has proved.
type Plan struct {
	Fingerprint string         `json:"fingerprint"`
	Terms       engine.Terms   `json:"terms"`
	Proofs      engine.Proofs  `json:"proofs"`
	Units       []sqltext.Unit `json:"-"` // of the migration
}

// NewPlan makes the page of a plan.
func NewPlan(p engine.Plan) (Plan, error) {
	page := Plan{Terms: p.Terms, Proofs: p.Proofs}
	var err error
	if page.Fingerprint, err = p.Terms.Fingerprint(); err != nil {
		return page, err
	}
	if raw, ok := p.Blobs["units"]; ok {
		var s sqltext.Script
		if err := json.Unmarshal(raw, &s); err != nil {
			return page, fmt.Errorf("read the plan's table of units: %w", err)
		}
		page.Units = s.Units
	}
	return page, nil
}

// Text is the page for people.
func (p Plan) Text() string {
	t, out := p.Terms, sheet{indent: "  ", width: 12}
	out.line("plan: %s %s of %s in %s", t.Action, t.Tag, t.App, t.Environment)
	out.field("target", "%s", t.Target)
	if t.Commit != "" {
		out.field("commit", "%s", t.Commit)
	}
	var changes []string
	for _, img := range t.Images {
		changes = append(changes, imageChange(img, t.Baseline))
	}
	out.fields("images", changes)
	out.fields("migration", p.migration())
	if rehearses(t) {
		out.field("rehearsal", "%s", rehearsalPlanned)
	}
	if c, err := engine.Recall[step.Confirmed](p.Proofs); err == nil {
		out.field("staging", "verified in %s (%s)", cmp.Or(c.Staging, "nothing"), c.Strength)
	}
	if stopsWriters(t) {
		out.field("writers", "%s", writersStopped)
	}
	out.field("outage", "%s", outage(t))
	out.field("on failure", "without a migration: %s; after a migration: %s", t.OnFailure.Unmigrated,
		t.OnFailure.Migrated)
	out.field("approval", "%s", t.Approval)
	out.field("fingerprint", "%s", p.Fingerprint)
	return out.String()
}

// imageChange tells old and new digest of one service.
func imageChange(img release.Image, baseline []release.Image) string {
	i := slices.IndexFunc(baseline, func(was release.Image) bool { return was.Service == img.Service })
	switch {
	case i < 0:
		return fmt.Sprintf("%-10s (nothing) -> %s  (%s)", img.Service, img.Digest.Short(), img.Repo)
	case baseline[i] == img:
		return fmt.Sprintf("%-10s %s, as it runs now", img.Service, img.Digest.Short())
	}
	was := baseline[i].Digest.Short()
	return fmt.Sprintf("%-10s %s -> %s  (%s)", img.Service, was, img.Digest.Short(), img.Repo)
}

// migration says what is done to the schema.
func (p Plan) migration() []string {
	t := p.Terms
	if t.Action == engine.Rollback {
		return []string{"none: the schema stays as it is"}
	}
	if t.Migration == nil {
		return []string{"none"}
	}
	all := []string{fmt.Sprintf("%s, sha256 %.12s", t.Migration.Name(), t.Migration.SHA256)}
	r, rerr := engine.Recall[step.Reviewed](p.Proofs)
	if t.Migration.Commanded() {
		all = append(all, fmt.Sprintf("a command, with %d files bound to it: %s", len(t.Migration.Files),
			commandUnread), commandUnproved)
		if rerr == nil {
			all = append(all, "answered for "+answered(r))
		}
		return all
	}
	for _, u := range p.Units {
		all = append(all, unitText(u))
	}
	if h, err := engine.Recall[step.ToolRead](p.Proofs); err == nil && !h.Empty() {
		all = append(all, h.String())
	}
	if rerr == nil {
		all = append(all, "review "+r.String())
	}
	return all
}

// What a migration by command cannot promise.
const (
	commandUnread   = "nobody has read the SQL that it will run, and it is not rehearsed"
	commandUnproved = "that it runs exactly once cannot be proved: when its end is not seen, the outcome is unknown " +
		"and a person must look"
)

// unitText is one unit: how it is applied, and what it is.
func unitText(u sqltext.Unit) string {
	what := statementKinds(u)
	if u.Kind == sqltext.Undivided {
		what = "the WHOLE FILE, which the parser does not know; the server alone splits it"
	}
	return fmt.Sprintf("unit %d, %s: %s", u.Index+1, howApplied(u.Kind), what)
}

func howApplied(k sqltext.UnitKind) string {
	if k == sqltext.Alone {
		return "outside a transaction"
	}
	return "in one transaction"
}

// statementKinds lists what the statements of a unit are, each once, and how many they are where that is not plain.
func statementKinds(u sqltext.Unit) string {
	var all []string
	for _, s := range u.Statements {
		if n := len(all); n == 0 || all[n-1] != s.Kind {
			all = append(all, s.Kind)
		}
	}
	count := ""
	if len(u.Statements) > len(all) {
		count = fmt.Sprintf(" (%d statements)", len(u.Statements))
	}
	if len(all) > 6 {
		all = append(all[:6], fmt.Sprintf("and %d more", len(all)-6))
	}
	return strings.Join(all, ", ") + count
}

// outage says what the switch will cost, before anybody says yes.
func outage(t engine.Terms) string {
	n := 0
	for _, img := range t.Images {
		if !slices.Contains(t.Baseline, img) {
			n++
		}
	}
	switch {
	case len(t.Baseline) == 0:
		return "none: nothing runs yet"
	case n == 0:
		return "none: no image changes"
	case n == 1:
		return "one service, stop-first: away from the stop of the old container until the new one is ready"
	}
	return fmt.Sprintf("%d services, one after the other, stop-first: each is away from stop to ready", n)
}

const (
	writersStopped   = "stopped before the backup and resumed afterwards, by the commands of backup.quiesce"
	rehearsalPlanned = "the backup is restored and the migration tried there first; if it fails there, nothing is " +
		"applied"
)

// stopsWriters tells whether writers are stopped for the backup.
func stopsWriters(t engine.Terms) bool {
	return slices.Contains(t.Steps, step.ResumeWriters{}.Spec().Name)
}

// rehearses tells whether the migration is rehearsed first.
func rehearses(t engine.Terms) bool { return slices.Contains(t.Steps, step.Rehearse{}.Spec().Name) }

// A Runbook is a plan as commands to be typed by hand: for the day on which fairlead itself cannot be used.
type Runbook struct {
	Terms engine.Terms  `json:"terms"`
	Specs []engine.Spec `json:"steps"`
}

// NewRunbook makes the runbook of a plan: its proofs first, then its steps. byHand is what the target gives for both.
func NewRunbook(p engine.Plan, byHand target.Runbook) Runbook {
	t := p.Terms
	specs := []engine.Spec{step.Check{ByHand: byHand}.Spec()}
	if t.Action != engine.Rollback {
		specs = append(specs, step.Confirm{ByHand: byHand}.Spec())
	}
	if t.Migration != nil {
		specs = append(specs, step.Review{}.Spec())
	}
	specs = append(specs, step.Baseline{ByHand: byHand}.Spec())
	for _, s := range p.Steps {
		specs = append(specs, s.Spec())
	}
	return Runbook{t, specs}
}

// Text is the page for people.
func (r Runbook) Text() string {
	t := r.Terms
	var out sheet
	out.line("# %s %s of %s in %s, by hand", t.Action, ui.Clean(t.Tag), ui.Clean(t.App), ui.Clean(t.Environment))
	out.line("# target: %s", ui.Clean(t.Target))
	for _, img := range t.Images {
		out.line("#   %-10s %s", img.Service, img.Ref())
	}
	for _, img := range t.Baseline {
		out.line("#   the way back: %-10s %s", img.Service, img.Ref())
	}
	for i, s := range r.Specs {
		changes := ""
		if s.Mutates != engine.Nothing {
			changes = "   (changes " + Changes(s.Mutates) + ")"
		}
		out.line("\n# %d. %s%s", i+1, s.Title, changes)
		for _, line := range s.Runbook {
			out.line("%s", ui.Clean(line))
		}
	}
	out.line("\n# afterwards, so that the record is whole:\nfairlead record manual --reason '%s by hand'",
		ui.Clean(t.Tag))
	return out.String()
}

// Changes says what a step changes.
func Changes(m engine.Mutation) string {
	switch m {
	case engine.Schema:
		return "the schema of the database"
	case engine.Services:
		return "what runs"
	}
	return "nothing in production"
}
