package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// planView is what a person reads before saying yes: nothing but the terms, and what planning has proved.
func planView(w io.Writer, t engine.Terms, p engine.Proofs, units []sqltext.Unit) {
	line := func(head, format string, args ...any) {
		fmt.Fprintf(w, "  %-12s%s\n", head, plain(fmt.Sprintf(format, args...)))
	}
	fingerprint, err := t.Fingerprint()
	if err != nil {
		fingerprint = "none: " + err.Error()
	}
	fmt.Fprintf(w, "plan: %s %s of %s in %s\n", t.Action, plain(t.Tag), plain(t.App), plain(t.Environment))
	line("target", "%s", t.Target)
	if t.Commit != "" {
		line("commit", "%s", t.Commit)
	}
	for i, img := range t.Images {
		head := ""
		if i == 0 {
			head = "images"
		}
		line(head, "%s", imageChange(img, t.Baseline))
	}
	for i, s := range migrationLines(t, p, units) {
		head := ""
		if i == 0 {
			head = "migration"
		}
		line(head, "%s", s)
	}
	if r := rehearsed(t); r != "" {
		line("rehearsal", "%s", r)
	}
	if c, err := engine.Recall[step.Confirmed](p); err == nil {
		line("staging", "verified in %s (%s)", or(c.Staging, "nothing"), c.Strength)
	}
	if quiets(t) {
		line("writers", "%s", writersLine)
	}
	line("outage", "%s", outage(t))
	line("on failure", "without a migration: %s; after a migration: %s", t.OnFailure.Unmigrated, t.OnFailure.Migrated)
	line("approval", "%s", t.Approval)
	line("fingerprint", "%s", fingerprint)
}

// imageChange tells old and new digest of one service.
func imageChange(img release.Image, baseline []release.Image) string {
	for _, was := range baseline {
		if was.Service != img.Service {
			continue
		}
		if was == img {
			return fmt.Sprintf("%-10s %s, as it runs now", img.Service, img.Digest.Short())
		}
		return fmt.Sprintf("%-10s %s -> %s  (%s)", img.Service, was.Digest.Short(), img.Digest.Short(), img.Repo)
	}
	return fmt.Sprintf("%-10s (nothing) -> %s  (%s)", img.Service, img.Digest.Short(), img.Repo)
}

func migrationLines(t engine.Terms, p engine.Proofs, units []sqltext.Unit) []string {
	if t.Action == engine.Rollback {
		return []string{"none: the schema stays as it is"}
	}
	if t.Migration == nil {
		return []string{"none"}
	}
	all := []string{fmt.Sprintf("%s, sha256 %s", t.Migration.Name(), short(t.Migration.SHA256))}
	if t.Migration.Commanded() {
		all = append(all, fmt.Sprintf("a command, with %d files bound to it: nobody has read the SQL that it will run, and it is not rehearsed", len(t.Migration.Files)),
			"that it runs exactly once cannot be proved: when its end is not seen, the outcome is unknown and a person must look")
		if r, err := engine.Recall[step.Reviewed](p); err == nil {
			all = append(all, "answered for "+answered(r))
		}
		return all
	}
	for _, u := range units {
		all = append(all, unitText(u))
	}
	if h, err := engine.Recall[step.ToolRead](p); err == nil && !h.Empty() {
		all = append(all, h.String())
	}
	if r, err := engine.Recall[step.Reviewed](p); err == nil {
		all = append(all, "review "+r.String())
	}
	return all
}

// unitText is one unit: how it is applied, and what it is.
func unitText(u sqltext.Unit) string {
	what := kinds(u)
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

// kinds lists what the statements of a unit are, each once, and how many they are where that is not plain.
func kinds(u sqltext.Unit) string {
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
		if !contains(t.Baseline, img) && len(t.Baseline) > 0 {
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

func contains(all []release.Image, img release.Image) bool {
	for _, i := range all {
		if i == img {
			return true
		}
	}
	return false
}

func short(hash string) string { return hash[:min(12, len(hash))] }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// writersLine says what backup.quiesce does in this plan.
const writersLine = "stopped before the backup and resumed afterwards, by the commands of backup.quiesce"

// quiets tells whether writers are stopped.
func quiets(t engine.Terms) bool { return slices.Contains(t.Steps, step.Resume{}.Spec().Name) }
