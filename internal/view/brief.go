package view

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/release"
	"fairlead/internal/step"
	"fairlead/internal/target"
	"fairlead/internal/ui"
)

// A Brief is the page that a person needs to decide: what happened, what is changed, what each choice costs.
type Brief struct {
	Ending   engine.Ending
	Lead     string             // who decides
	Previous string             // the tag of the baseline, "" when it is not known
	Since    SchemaChanges      // since the baseline ran
	Now      time.Time          // for the age of the backup
	Seen     target.Observation // what runs now; without hosts when it could not be had
	Gap      *database.Gap      // what was written since the backup; nil when it could not be had
	Restore  string             // how long restoring the backup may take
}

// MarshalText makes the text of the page its JSON.
func (b Brief) MarshalText() ([]byte, error) { return []byte(b.Text()), nil }

// Text is the page for people.
func (b Brief) Text() string {
	e, t := b.Ending, b.Ending.Opening.Terms
	out := sheet{indent: "  ", width: 12, clean: true}
	out.line("BRIEF for %s: %s %s of %s in %s", ui.Clean(cmp.Or(b.Lead, "whoever decides")), t.Action, ui.Clean(t.Tag),
		ui.Clean(t.App), ui.Clean(t.Environment))
	happened := "the run ended before its end"
	if e.Err != nil {
		happened = e.Err.Error()
	}
	out.field("happened", "step %s: %s", cmp.Or(string(e.Step), "unknown"), happened)
	out.field("production", "%s", e.Means)
	out.field("schema", "%s", b.schema())
	if t.Action != engine.Migrate {
		out.fields("services", b.services())
	}
	out.fields("backup", b.backup())
	out.line("\n  the choices:")
	for _, c := range b.choices() {
		out.line("    %s", c.line)
		for _, cost := range c.costs {
			out.line("        %s", ui.Clean(cost))
		}
	}
	return out.String()
}

// schema says what the migration left.
func (b Brief) schema() string {
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
	name := t.Migration.Name()
	m, err := engine.Recall[step.Migrated](e.Proofs)
	switch {
	case err == nil && m.Here > 0:
		return fmt.Sprintf("changed: %s is applied (units committed by this run: %d)", name, m.Here)
	case err == nil && m.By == "" && m.Tool != nil:
		return fmt.Sprintf("unchanged by this run: %s was in place already, by %s", name, m.Tool.Tool)
	case err == nil:
		return fmt.Sprintf("unchanged by this run: %s was in place already, by run %s", name, m.By)
	case e.Step == "migrate":
		return fmt.Sprintf("changed in part: %s did not come to its end", name)
	}
	return "not proved by this run"
}

// services says what runs: as seen now or, where nothing could be seen, as far as this run has seen it.
func (b Brief) services() []string {
	var all []string
	for _, h := range b.Seen.Hosts {
		for _, s := range h.Services {
			all = append(all, serviceNow(b.Ending.Opening.Terms, h.Name, s))
		}
	}
	if len(all) > 0 {
		return all
	}
	d, err := engine.Recall[step.Deployed](b.Ending.Proofs)
	if err != nil {
		return []string{"what runs now could not be seen: fairlead status asks again"}
	}
	for _, s := range d.Services {
		all = append(all, fmt.Sprintf("%s on %s ran %s when it was last seen, before %s",
			s.Service, s.Host, digestOf(s.Observed), cmp.Or(digestOf(s.Previous), "nothing")))
	}
	return all
}

// serviceNow tells old from new.
func serviceNow(t engine.Terms, host string, s container.Service) string {
	now, ready := container.ImageOf(s.Replicas), readyOf(s)
	is := func(all []release.Image) bool {
		return slices.ContainsFunc(all, func(i release.Image) bool { return i.Service == s.Name && i.Ref() == now })
	}
	which := "which is neither the old nor the new one"
	switch planned, before := is(t.Images), is(t.Baseline); {
	case now == "":
		return fmt.Sprintf("%s on %s: nothing, or nothing that proves one digest (%d of %d ready)",
			s.Name, host, ready, len(s.Replicas))
	case planned && before:
		which = "the same as before"
	case planned:
		which = "the new one"
	case before:
		which = "the old one"
	}
	return fmt.Sprintf("%s on %s runs %s, %s, %d of %d ready", s.Name, host, digestOf(now), which, ready,
		len(s.Replicas))
}

// readyOf counts the replicas that are ready.
func readyOf(s container.Service) int {
	n := 0
	for _, r := range s.Replicas {
		if r.Ready() {
			n++
		}
	}
	return n
}

// backup says what a restore would cost: what is lost, and how long it takes.
func (b Brief) backup() []string {
	k, err := engine.Recall[step.BackedUp](b.Ending.Proofs)
	if err != nil {
		return []string{"none was taken by this run"}
	}
	m := k.Manifest
	all := []string{fmt.Sprintf("%s in %s, snapshot %s old; restoring it loses everything written since",
		m.Name, k.Place, ui.Ago(b.Now, m.Snapshot))}
	if b.Gap != nil {
		all = append(all, step.Lost(*b.Gap), b.Gap.Archive)
	}
	if r, err := engine.Recall[step.Rehearsed](b.Ending.Proofs); err == nil && r.Copy.Counted {
		all = append(all, fmt.Sprintf("it was restored in the rehearsal in %s, with every row (%s)",
			seconds(r.Copy.Restored), r.Level))
	}
	g, err := engine.Recall[step.Migrated](b.Ending.Proofs)
	if err == nil && g.PreMigration != nil && g.PreMigration.Point.Name != "" {
		p := g.PreMigration.Point
		all = append(all, fmt.Sprintf("restore point %q at %s, timeline %d", p.Name, p.LSN, p.Timeline))
	}
	return append(all, b.Restore)
}

// A choice is a command and what it costs.
type choice struct {
	line  string
	costs []string
}

// choices lists what a person can do, the safest known one first.
func (b Brief) choices() []choice {
	t := b.Ending.Opening.Terms
	resume := choice{"fairlead resume", []string{resumeCost(b.Ending)}}
	abandon := choice{"fairlead abandon --reason '…'", []string{
		"changes nothing more and closes the run; what runs now stays, and the next plan starts from it"}}
	if t.Action != engine.Deploy {
		return []choice{resume, abandon}
	}
	if len(t.Baseline) == 0 {
		first := choice{"(no rollback)", []string{"this was the first deployment: there is nothing to go back to"}}
		return []choice{resume, abandon, first}
	}
	back := choice{"fairlead rollback", []string{
		fmt.Sprintf("brings %s back: %s", cmp.Or(b.Previous, "what ran before"), images(t.Baseline)),
		b.Since.String() + triedOldOnNew(b.Ending.Proofs),
		"each service is away while it is replaced; the schema stays as it is",
	}}
	if !b.Ending.Open {
		return []choice{back}
	}
	return []choice{back, resume, abandon}
}

func resumeCost(e engine.Ending) string {
	switch m := e.Opening.Terms.Migration; {
	case e.Step == "health":
		return "looks at health again, for the whole window; replaces nothing if every service runs as planned"
	case e.Step == "smoke":
		return "looks at health and tries the smoke checks again; replaces nothing"
	case e.Step == "migrate" && m != nil && m.Commanded():
		return "looks whether anything was changed since before the command, and runs it again where nothing was, " +
			"or where it had ended by itself"
	case e.Step == "migrate":
		return "asks the server what is in place and goes on with the unit that failed; " + failsAgain
	case e.Step == "deploy":
		return "goes on replacing the services that do not run the new image; " + failsAgain
	}
	return "looks at what is there and goes on with step " + string(e.Step)
}

const failsAgain = "it will fail again unless the cause is gone"

// triedOldOnNew says how the old version's checks met the new schema in the rehearsal, if there was one.
func triedOldOnNew(p engine.Proofs) string {
	e, err := engine.Recall[step.Rehearsed](p)
	const inRehearsal = "; in the rehearsal the old version's check "
	switch t := e.Copy.OldOnNew; {
	case err != nil || t == nil:
		return ""
	case t.Fails == "":
		return inRehearsal + "PASSED on the new schema"
	default:
		return inRehearsal + "FAILED on the new schema: " + t.Fails
	}
}
