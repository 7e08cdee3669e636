package apply

import "testing"

func TestDecide_concludes_only_what_markers_facts_and_catalog_agree_on(t *testing.T) {
	end := func(j *Job, unit int) Marker {
		return Marker{Unit: unit, SHA256: j.Units[unit].SHA256, Run: "r-one", Done: true}
	}
	attempted := func(j *Job, p *ports, unit int, xid string) {
		a := Attempt{Unit: unit, SHA256: j.Units[unit].SHA256, XID: xid, Identity: p.identity}
		j.Facts = append(j.Facts, Fact{What: Attempted, Attempt: a}, Fact{What: CommitSent, Attempt: a})
	}
	for claim, c := range map[string]struct {
		sql    string
		change func(*Job, *ports)
		state  State
		next   int
		effect Effect
	}{
		"nothing was noted and nothing is marked": {sql: two, state: NotApplied},
		"every unit has its marker": {sql: two, state: Applied, next: 2,
			change: func(j *Job, p *ports) { p.markers = []Marker{end(j, 0), end(j, 1)} }},
		"the first unit has its marker": {sql: two, state: Partial, next: 1,
			change: func(j *Job, p *ports) { p.markers = []Marker{end(j, 0)} }},
		"a later unit has a marker and an earlier one has none": {sql: two, state: Unknown,
			change: func(j *Job, p *ports) { p.markers = []Marker{end(j, 1)} }},
		"a marker names other SQL": {sql: two, state: Unknown,
			change: func(_ *Job, p *ports) { p.markers = []Marker{{SHA256: "other", Done: true}} }},
		"a transaction was committed without a marker": {sql: two, state: Unknown,
			change: func(j *Job, p *ports) { attempted(j, p, 0, "5"); p.fates["5"] = Committed }},
		"a transaction was rolled back": {sql: two, state: NotApplied,
			change: func(j *Job, p *ports) { attempted(j, p, 0, "5"); p.fates["5"] = Aborted }},
		"the server is another one than before": {sql: two, state: Unknown,
			change: func(j *Job, p *ports) { attempted(j, p, 0, "5"); p.identity.Timeline = 2 }},
		"the server is not the one that was backed up": {sql: two, state: Unknown,
			change: func(j *Job, _ *ports) { j.Expected = &Identity{System: "2"} }},
		"a unit ended its transaction": {sql: two, state: Unknown, change: func(j *Job, p *ports) {
			j.Facts = []Fact{{What: Escaped, Attempt: Attempt{Identity: p.identity}}}
		}},
		"a statement outside transactions was intended and its effect is there": {sql: index, state: Partial,
			effect: Done, change: func(j *Job, p *ports) {
				p.markers, p.effects = []Marker{{SHA256: j.Units[0].SHA256}}, []Effect{Done}
			}},
		"it was intended and there is no effect": {sql: index, state: NotApplied, effect: NotDone,
			change: func(j *Job, p *ports) { p.markers = []Marker{{SHA256: j.Units[0].SHA256}} }},
		"it was intended and something else is there": {sql: index, state: Unknown, effect: Other,
			change: func(j *Job, p *ports) {
				p.markers, p.effects = []Marker{{SHA256: j.Units[0].SHA256}}, []Effect{Other}
			}},
		"without markers a committed transaction that was told to commit counts": {sql: two, state: Partial, next: 1,
			change: func(j *Job, p *ports) {
				p.fails["markers"] = []error{ErrNoMarkers}
				attempted(j, p, 0, "5")
				p.fates["5"] = Committed
			}},
		"without markers a forgotten one is a question for a person": {sql: two, state: Unknown,
			change: func(j *Job, p *ports) {
				p.fails["markers"] = []error{ErrNoMarkers}
				attempted(j, p, 0, "5")
			}},
	} {
		t.Run(claim, func(t *testing.T) {
			j, _ := newJob(t, c.sql)
			p := newPorts()
			if c.change != nil {
				c.change(j, p)
			}
			v, err := Decide(t.Context(), p, p, *j)
			if err != nil || v.State != c.state || v.Next != c.next || v.Effect != c.effect || v.Why == "" {
				t.Errorf("it gives %+v, %v", v, err)
			}
		})
	}
}

func TestDecide_ends_a_backend_that_still_holds_a_transaction(t *testing.T) {
	p := newPorts()
	j, clock := newJob(t, two)
	j.Facts = []Fact{{What: Attempted, Attempt: Attempt{XID: "5", PID: 3, Identity: p.identity}}}
	p.fates["5"] = InProgress
	if v, err := Decide(t.Context(), p, p, *j); err == nil {
		t.Errorf("it concludes %+v of a transaction that does not end", v)
	}
	ends := 0
	for _, c := range p.calls {
		if c == "end" {
			ends++
		}
	}
	if ends == 0 || clock.slept == nil {
		t.Errorf("the backend was ended %d times, with %d pauses", ends, len(clock.slept))
	}
}
