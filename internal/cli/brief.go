package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/container"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/step"
	"fairlead/internal/target"
	"fairlead/internal/ui"
)

// A briefing is everything that the page for a decision is made of.
type briefing struct {
	Ending   engine.Ending
	Lead     string             // who decides
	Previous string             // the tag of the baseline, "" when it is not known
	Since    since              // what happened to the schema since the baseline ran
	Now      time.Time          // for the age of the backup
	Seen     target.Observation // what runs now; without hosts when it could not be had
	Gap      *database.Gap      // what was written since the backup; nil when it could not be had
	Restore  string             // how long restoring the backup may take
}

// looking is how long the look for a briefing may take.
const looking = 20 * time.Second

// briefing gathers it.
func (a *app) briefing(ctx context.Context, c config.Config, p Project, e engine.Ending) briefing {
	b := briefing{Ending: e, Lead: lead(c), Now: a.Now()}
	if len(e.Opening.Terms.Baseline) > 0 {
		b.Previous, _ = p.TagOf(context.WithoutCancel(ctx), e.Opening.Terms.Baseline) // without it the digests speak
		b.Since = schemaSince(context.WithoutCancel(ctx), p, e.Opening.Terms.Baseline)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), looking)
	defer cancel()
	b.Seen, _ = p.Look(ctx) // without it the evidence of the run speaks
	if k, err := engine.Recall[step.BackedUp](e.Proofs); err == nil {
		b.Gap, _ = p.Gap(ctx, k.Manifest) // without it the age speaks
		b.Restore = a.restoreEstimate(c.App, c.Environment, k.Manifest)
	}
	return b
}

// brief is the page that a person needs to decide: what happened, what is changed, what each choice costs.
func brief(b briefing) string {
	var out strings.Builder
	e, t := b.Ending, b.Ending.Opening.Terms
	line := func(head, format string, args ...any) {
		fmt.Fprintf(&out, "  %-12s%s\n", head, ui.Clean(fmt.Sprintf(format, args...)))
	}
	fmt.Fprintf(&out, "BRIEF for %s: %s %s of %s in %s\n", ui.Clean(or(b.Lead, "whoever decides")), t.Action, ui.Clean(t.Tag), ui.Clean(t.App), ui.Clean(t.Environment))
	happened := "the run ended before its end"
	if e.Err != nil {
		happened = e.Err.Error()
	}
	line("happened", "step %s: %s", or(string(e.Step), "unknown"), happened)
	line("production", "%s", e.Means)
	line("schema", "%s", briefSchema(b))
	for i, s := range briefServices(b) {
		if t.Action == engine.Migrate {
			break
		}
		line(map[bool]string{true: "services"}[i == 0], "%s", s)
	}
	for i, s := range briefBackup(b) {
		line(map[bool]string{true: "backup"}[i == 0], "%s", s)
	}
	out.WriteString("\n  the choices:\n")
	for _, c := range choices(b) {
		fmt.Fprintf(&out, "    %s\n", c.line)
		for _, cost := range c.costs {
			fmt.Fprintf(&out, "        %s\n", ui.Clean(cost))
		}
	}
	return out.String()
}

// briefSchema says what the migration left.
func briefSchema(b briefing) string {
	e, t := b.Ending, b.Ending.Opening.Terms
	if t.Action == engine.Rollback {
		if c := e.Opening.Closes; c != nil && c.Migrated {
			return "as the migration of run " + string(c.Run) + " left it; a rollback never changes it"
		}
		return "a rollback never changes it"
	}
	if t.Migration == nil {
		return "unchanged: the release has no migration"
	}
	m, err := engine.Recall[step.Migrated](e.Proofs)
	switch {
	case err == nil && m.Here > 0:
		return fmt.Sprintf("changed: %s is applied (units committed by this run: %d)", t.Migration.Name(), m.Here)
	case err == nil && m.By == "" && m.Tool != nil:
		return fmt.Sprintf("unchanged by this run: %s was in place already, by %s", t.Migration.Name(), m.Tool.Tool)
	case err == nil:
		return fmt.Sprintf("unchanged by this run: %s was in place already, by run %s", t.Migration.Name(), m.By)
	case e.Step == "migrate":
		return fmt.Sprintf("changed in part: %s did not come to its end", t.Migration.Name())
	}
	return "not proved by this run"
}

// briefServices says what runs: as seen now or, where nothing could be seen, as far as this run has seen it.
func briefServices(b briefing) []string {
	var all []string
	for _, h := range b.Seen.Hosts {
		for _, s := range h.Services {
			all = append(all, briefService(b.Ending.Opening.Terms, h.Name, s))
		}
	}
	if len(all) > 0 {
		return all
	}
	if d, err := engine.Recall[step.Deployed](b.Ending.Proofs); err == nil {
		for _, s := range d.Services {
			all = append(all, fmt.Sprintf("%s on %s ran %s when it was last seen, before %s", s.Service, s.Host, digestOf(s.Observed), or(digestOf(s.Previous), "nothing")))
		}
		return all
	}
	return []string{"what runs now could not be seen: fairlead status asks again"}
}

// briefService tells old from new.
func briefService(t engine.Terms, host string, s container.Service) string {
	now, ready := container.ImageOf(s.Replicas), 0
	for _, r := range s.Replicas {
		if r.Ready() {
			ready++
		}
	}
	which := "which is neither the old nor the new one"
	switch {
	case now == "":
		return fmt.Sprintf("%s on %s: nothing, or nothing that proves one digest (%d of %d ready)", s.Name, host, ready, len(s.Replicas))
	case has(t.Images, s.Name, now) && has(t.Baseline, s.Name, now):
		which = "the same as before"
	case has(t.Images, s.Name, now):
		which = "the new one"
	case has(t.Baseline, s.Name, now):
		which = "the old one"
	}
	return fmt.Sprintf("%s on %s runs %s, %s, %d of %d ready", s.Name, host, digestOf(now), which, ready, len(s.Replicas))
}

func has(all []release.Image, service, ref string) bool {
	for _, i := range all {
		if i.Service == service && i.Ref() == ref {
			return true
		}
	}
	return false
}

func digestOf(ref string) string {
	_, digest, ok := strings.Cut(ref, "@sha256:")
	if !ok {
		return ref
	}
	return short(digest)
}

// briefBackup says what a restore would cost: what is lost, and how long it takes.
func briefBackup(b briefing) []string {
	k, err := engine.Recall[step.BackedUp](b.Ending.Proofs)
	if err != nil {
		return []string{"none was taken by this run"}
	}
	m := k.Manifest
	all := []string{fmt.Sprintf("%s in %s, snapshot %s old; restoring it loses everything written since", m.Name, k.Place, ago(b.Now, m.Snapshot))}
	if b.Gap != nil {
		all = append(all, step.Lost(*b.Gap), b.Gap.Archive)
	}
	if r, err := engine.Recall[step.Rehearsed](b.Ending.Proofs); err == nil && r.Copy.Counted {
		all = append(all, fmt.Sprintf("it was restored in the rehearsal in %s, with every row (%s)", milliseconds(r.Copy.Restored), r.Level))
	}
	if g, err := engine.Recall[step.Migrated](b.Ending.Proofs); err == nil && g.Eve != nil && g.Eve.Point.Name != "" {
		all = append(all, fmt.Sprintf("restore point %q at %s, timeline %d", g.Eve.Point.Name, g.Eve.Point.LSN, g.Eve.Point.Timeline))
	}
	return append(all, b.Restore)
}

// A choice is a command and what it costs.
type choice struct {
	line  string
	costs []string
}

// choices lists what a person can do, the safest known one first.
func choices(b briefing) []choice {
	t := b.Ending.Opening.Terms
	resume := choice{"fairlead resume", []string{resumeCost(b.Ending)}}
	abandon := choice{"fairlead abandon --reason '…'", []string{"changes nothing more and closes the run; what runs now stays, and the next plan starts from it"}}
	if t.Action != engine.Deploy {
		return []choice{resume, abandon}
	}
	if len(t.Baseline) == 0 {
		return []choice{resume, abandon, {"(no rollback)", []string{"this was the first deployment: there is nothing to go back to"}}}
	}
	back := choice{"fairlead rollback", []string{
		fmt.Sprintf("brings %s back: %s", or(b.Previous, "what ran before"), images(t.Baseline)),
		b.Since.String() + observed(b.Ending.Proofs),
		"each service is away while it is replaced; the schema stays as it is",
	}}
	if !b.Ending.Open {
		return []choice{back}
	}
	return []choice{back, resume, abandon}
}

func resumeCost(e engine.Ending) string {
	switch e.Step {
	case "health":
		return "looks at health again, for the whole window; replaces nothing if every service runs as planned"
	case "smoke":
		return "looks at health and tries the smoke checks again; replaces nothing"
	case "migrate":
		if m := e.Opening.Terms.Migration; m != nil && m.Commanded() {
			return "looks whether anything was changed since before the command, and runs it again where nothing was, or where it had ended by itself"
		}
		return "asks the server what is in place and goes on with the unit that failed; it will fail again unless the cause is gone"
	case "deploy":
		return "goes on replacing the services that do not run the new image; it will fail again unless the cause is gone"
	}
	return "looks at what is there and goes on with step " + string(e.Step)
}

func images(all []release.Image) string {
	var out []string
	for _, i := range all {
		out = append(out, i.Service+" "+i.Digest.Short())
	}
	return strings.Join(out, ", ")
}
