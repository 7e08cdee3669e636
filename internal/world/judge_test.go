package world_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead/internal/apply"
	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	targetfake "fairlead/internal/target/fake"
	"fairlead/internal/world"
)

// A judge watches a story from outside and holds it against what fairlead promises. It believes no record: it compares
// what was written and said with what the hosts run and what the database holds.
type judge struct {
	s     *story
	head  chain.Hash
	ids   map[string]bool
	fence int64
	open  engine.RunID // the run that is open, by the judge's own count
	holds *operator    // who opened it or took it over last
	acted bool         // the holder has begun to act, so every place must know its number
	taken bool         // somebody has taken a run over, or closed it in another's place
	asked bool         // the run waits for a person
	mixed bool         // before the last deployment the hosts did not agree
	runs  map[engine.RunID]*account
	// statements whose effect, or a left-over of it, is in the database, to the run that made it
	made map[string]*account
}

// An account is what a run did to the world, as seen from outside.
type account struct {
	id       engine.RunID
	opening  engine.Opening
	began    map[engine.Name]bool
	services int // changes to what serves
	faults   int // injected before it opened
	holders  int
	closed   bool
	last     string // what ran when it closed
}

func newJudge(s *story) *judge {
	return &judge{s: s, ids: map[string]bool{}, runs: map[engine.RunID]*account{}, made: map[string]*account{}}
}

func (s *story) faults() int {
	n := s.locks
	for _, f := range world.Faults() {
		n += s.Injected(f)
	}
	return n
}

// written holds each record that becomes durable against promises 5 and 6: one chain, one open run, one holder, and
// closings that are true when they are written.
func (j *judge) written(r engine.Record, line []byte) {
	switch {
	case r.Prev != j.head:
		j.s.fail("promise 5: record %s does not stand behind the last one", r.ID)
	case j.ids[r.ID]:
		j.s.fail("promise 5: record %s stands twice", r.ID)
	}
	j.head, j.ids[r.ID] = chain.Sum(line), true
	o := j.s.byRecord[r.ID]
	switch r.Verdict {
	case engine.Opened:
		j.opened(o, r)
		return
	case engine.Taken:
		j.take(o, r)
		return
	}
	if r.Run != j.open {
		j.s.fail("promise 5: record %s (%s) of run %s, which is not open", r.ID, r.Verdict, r.Run)
	}
	if o != j.holds || r.Fence != j.fence {
		j.s.fail("promise 5: record %s (%s) by a holder who was overtaken", r.ID, r.Verdict)
	}
	a := j.runs[r.Run]
	j.acted = true
	switch r.Verdict {
	case engine.Began:
		a.began[r.Step] = true
	case engine.Closed:
		var c engine.Closing
		j.decode(r, &c)
		j.closing(a, c)
	}
}

func (j *judge) decode(r engine.Record, into any) {
	if err := json.Unmarshal(r.Evidence, into); err != nil {
		j.s.fail("record %s cannot be read: %v", r.ID, err)
	}
}

func (j *judge) number(o *operator, r engine.Record) {
	j.taken = j.taken || r.Verdict == engine.Taken || o != j.holds && j.runs[r.Run].opening.Closes != nil
	if r.Fence <= j.fence {
		j.s.fail("promise 5: record %s has the number %d after %d", r.ID, r.Fence, j.fence)
	}
	j.fence, j.holds, j.acted, o.number = r.Fence, o, false, r.Fence
}

func (j *judge) opened(o *operator, r engine.Record) {
	a := &account{id: r.Run, began: map[engine.Name]bool{}, faults: j.s.faults(), holders: 1}
	j.decode(r, &a.opening)
	c := a.opening.Closes
	switch {
	case j.open != "" && (c == nil || c.Run != j.open):
		j.s.fail("promise 5: run %s opens while %s is open", r.Run, j.open)
	case c != nil && c.Run != j.open:
		j.s.fail("promise 5: run %s closes %s, which is not open", r.Run, c.Run)
	case c != nil:
		j.runs[c.Run].closed = true
	}
	if j.runs[r.Run] != nil {
		j.s.fail("run %s opens twice", r.Run)
	}
	j.runs[r.Run] = a
	j.open, j.asked = r.Run, false
	j.number(o, r)
}

func (j *judge) take(o *operator, r engine.Record) {
	if r.Run != j.open {
		j.s.fail("promise 5: run %s is taken over and is not open", r.Run)
	}
	j.runs[r.Run].holders++
	j.number(o, r)
}

// closing holds the record that closes a run against the world at that moment.
func (j *judge) closing(a *account, c engine.Closing) {
	if c.Run != j.open {
		j.s.fail("promise 5: %s is closed and is not open", c.Run)
	}
	j.open, a.closed, a.last = "", true, j.s.seen()
	t := a.opening.Terms
	switch c.Outcome {
	case fault.Deployed, fault.RolledBack:
		if why := j.s.running(t.Images); why != "" {
			j.s.fail("promise 6: run %s says %s, but %s", a.id, c.Outcome, why)
		}
		if t.Migration != nil && !j.applied(t.Migration.SHA256) {
			j.s.fail("promise 6: run %s says %s, but the migration is not in place", a.id, c.Outcome)
		}
	case fault.FailedUnchanged, fault.Refused:
		if j.touched(a) {
			j.s.fail("promise 6: run %s says that production is unchanged, but it changed %d services and made %v",
				a.id, a.services, j.standing(a))
		}
	case fault.Asking:
		if !j.touched(a) && !a.began["deploy"] && j.quiet(a) {
			j.s.fail("promise 6: run %s asks a person, but it changed nothing", a.id)
		}
	default:
		j.s.fail("promise 6: run %s is closed as %s", a.id, c.Outcome)
	}
	if c.Migrated != (len(j.statements(a)) > 0 || j.marked(a)) && j.quiet(a) {
		j.s.fail("promise 6: run %s says migrated=%v, it made %v", a.id, c.Migrated, j.statements(a))
	}
}

// quiet tells that nothing went wrong since the run opened and that nobody but its opener has held it.
func (j *judge) quiet(a *account) bool { return j.s.faults() == a.faults && a.holders == 1 }

// standing gives what the run made in the database and what is still there.
func (j *judge) standing(a *account) []string {
	var all []string
	for _, sql := range slices.Sorted(maps.Keys(j.made)) {
		if j.made[sql] == a {
			all = append(all, sql)
		}
	}
	return all
}

// touched tells whether the run, or one that it closed and follows, changed anything that is still there.
func (j *judge) touched(a *account) bool {
	for a != nil {
		if a.services > 0 || len(j.standing(a)) > 0 || j.marked(a) {
			return true
		}
		if a.opening.Closes == nil {
			return false
		}
		a = j.runs[a.opening.Closes.Run]
	}
	return false
}

// marked tells whether the run marked the end of a unit.
func (j *judge) marked(a *account) bool {
	if a.opening.Terms.Migration == nil {
		return false
	}
	key := apply.Key{App: app, Environment: environment, Migration: a.opening.Terms.Migration.SHA256}
	return slices.ContainsFunc(j.s.database.Marked(key),
		func(m apply.Marker) bool { return m.Done && m.Run == string(a.id) })
}

// statements gives what the run made, left-overs of builds that failed not counted.
func (j *judge) statements(a *account) []string {
	return slices.DeleteFunc(j.standing(a), func(sql string) bool { return j.s.database.Applied(sql) == 0 })
}

func indexOf(sql string) string {
	for _, c := range pool() {
		if name, ok := c.index[sql]; ok {
			return name
		}
	}
	return ""
}

// applied tells whether a migration is in place: each unit marked, each statement in effect once.
func (j *judge) applied(sha256 string) bool {
	c := changeOf(sha256)
	if !c.done(j.s.database.Marked(apply.Key{App: app, Environment: environment, Migration: sha256})) {
		return false
	}
	for _, sql := range c.counted {
		if j.s.database.Applied(sql) != 1 {
			return false
		}
		if name, ok := c.index[sql]; ok {
			if _, valid := j.s.database.Valid(name); !valid {
				return false
			}
		}
	}
	return true
}

// hostChanges holds each change of what serves against promises 2, 3 and 5.
func (j *judge) hostChanges(h *targetfake.Host, t fence.Ticket, what string) {
	a := j.runs[engine.RunID(t.Run)]
	switch {
	case a == nil:
		j.s.fail("promise 5: %s on %s by run %s, which never opened", what, h.Name(), t.Run)
		return
	case t.Number < j.fence && j.acted:
		j.s.fail("promise 5: %s on %s under number %d; %s works under %d already", what, h.Name(), t.Number,
			j.holds.proc.Name(), j.fence)
	case t.Number < h.Known().Number:
		j.s.fail("promise 5: %s on %s under number %d; the host knows %d", what, h.Name(), t.Number, h.Known().Number)
	case !a.began["deploy"]:
		j.s.fail("promise 2: %s on %s before run %s began to deploy", what, h.Name(), t.Run)
	}
	a.services++
	m := a.opening.Terms.Migration
	if m != nil && !j.applied(m.SHA256) {
		j.s.fail("promise 3: %s on %s by run %s although its migration is not in place", what, h.Name(), t.Run)
	}
}

// databaseChanges holds each change of the schema against promises 2, 3 and 5, as it begins to be true.
func (j *judge) databaseChanges(by *world.Proc, what string) {
	o := j.s.byProc[by]
	if o == nil {
		j.s.fail("promise 5: %q by nobody", what)
		return
	}
	if o.number < j.s.database.Fence(app, environment).Number {
		j.s.fail("promise 5: %q by %s under number %d; the database knows %d", what, by.Name(), o.number,
			j.s.database.Fence(app, environment).Number)
	}
	if o != j.holds && j.acted {
		j.s.fail("promise 5: %q by %s under number %d; %s works under %d already", what, by.Name(), o.number,
			j.holds.proc.Name(), j.fence)
	}
	a := j.of(o)
	switch {
	case a == nil:
		j.s.fail("promise 2: %q by %s, who holds no run", what, by.Name())
		return
	case !a.began["migrate"]:
		j.s.fail("promise 2: %q before run %s began to migrate", what, a.id)
	}
	if name, ok := strings.CutPrefix(what, "DROP INDEX CONCURRENTLY "); ok {
		maps.DeleteFunc(j.made, func(sql string, _ *account) bool { return indexOf(sql) == name })
		return
	}
	j.made[what] = a
	if n := j.s.database.Applied(what); n > 0 && indexOf(what) == "" {
		j.s.fail("promise 3: %q is applied once more (%d times before)", what, n)
	}
}

// of gives the run that an operator opened or took over.
func (j *judge) of(o *operator) *account {
	var found *account
	for _, r := range j.s.ledger.All() {
		if (r.Verdict == engine.Opened || r.Verdict == engine.Taken) && j.s.byRecord[r.ID] == o {
			found = j.runs[r.Run]
		}
	}
	return found
}

// reported holds what an operator says at its end against the ledger and the world.
func (j *judge) reported(o *operator, e engine.Ending) {
	a := j.of(o)
	if a == nil {
		j.s.fail("%s ends with %s and never held a run", o.proc.Name(), e.Outcome)
		return
	}
	switch {
	case e.Outcome == fault.Busy:
		if j.holds == o {
			j.s.fail("promise 6: %s says that somebody has taken over, but nobody has", o.proc.Name())
		}
		return
	case e.Outcome == fault.Unknown:
		if j.s.faults() == 0 && !j.taken {
			j.s.fail("promise 6: %s says unknown, but nothing went wrong: %v", o.proc.Name(), e.Err)
		}
		return
	}
	if j.holds == o && e.Open != (j.open != "") {
		j.s.fail("promise 6: %s says open=%v, the ledger has %q open", o.proc.Name(), e.Open, j.open)
	}
	if j.holds != o {
		return // somebody has gone on since; the closing record was judged when it was written
	}
	j.asked = e.Open && e.Outcome == fault.Asking
	if e.Open && e.Outcome == fault.Asking && !a.began["deploy"] && !j.touched(a) && j.quiet(a) {
		j.s.fail("promise 6: %s says that production is changed; run %s changed nothing", o.proc.Name(), a.id)
	}
	if e.Open && (e.Outcome == fault.FailedUnchanged || e.Outcome == fault.Refused) && j.touched(a) {
		j.s.fail("promise 6: %s says unchanged; run %s changed %d services and made %v", o.proc.Name(), a.id,
			a.services, j.standing(a))
	}
}

// refused holds a command that ended before a run was its own.
func (j *judge) refused(o *operator) {
	if errors.Is(o.err, engine.ErrBusy) && j.holds == o && j.open != "" {
		j.s.fail("promise 6: %s says that another run is open, but it is its own", o.proc.Name())
	}
	if errors.Is(o.err, engine.ErrPlanChanged) {
		j.s.fail("%s: %v", o.proc.Name(), o.err)
	}
}

// end holds the whole story against the promises once all is quiet.
func (j *judge) end() {
	for _, c := range pool() {
		done := map[int]bool{}
		for _, m := range j.s.database.Marked(
			apply.Key{App: app, Environment: environment, Migration: c.script.SHA256}) {
			if m.Done && done[m.Unit] {
				j.s.fail("promise 3: unit %d of %.20q is marked twice", m.Unit, c.sql)
			}
			done[m.Unit] = done[m.Unit] || m.Done
		}
		for i, u := range c.script.Units {
			for _, st := range u.Statements {
				j.effect(c, st.SQL, done[i], u.Kind == "alone")
			}
		}
	}
	if j.s.Seed()%8 == 0 {
		j.chain()
	}
}

func (j *judge) effect(c *change, sql string, marked, alone bool) {
	n := j.s.database.Applied(sql)
	name, isIndex := c.index[sql]
	if isIndex {
		if dropped := j.s.database.Applied("dropped valid " + name); dropped > 0 {
			j.s.fail("promise 3: the valid index %s was dropped", name)
		}
		if _, valid := j.s.database.Valid(name); marked && !valid {
			j.s.fail("promise 3: %s is marked as built and is not valid", name)
		}
	}
	counted := false
	for _, k := range c.counted {
		counted = counted || k == sql
	}
	switch {
	case !counted:
	case n > 1:
		j.s.fail("promise 3: %q was applied %d times", sql, n)
	case n == 0 && marked:
		j.s.fail("promise 3: %q is marked and was not applied", sql)
	case n == 1 && !marked && !alone:
		j.s.fail("promise 3: %q was applied and is not marked", sql)
	}
}

// chain reads the whole ledger as a stranger would.
func (j *judge) chain() {
	lines, err := j.s.ledger.Lines(context.Background())
	if err != nil {
		j.s.fail("the ledger cannot be read: %v", err)
		return
	}
	var prev chain.Hash
	for i, line := range lines {
		l, err := chain.Read(line)
		if err != nil || l.Prev != prev {
			j.s.fail("promise 5: line %d of the ledger does not stand in the chain (%v)", i+1, err)
			return
		}
		prev = chain.Sum(line)
	}
}

// last holds the deployment in calm weather: it must work, unless something that a person must see stands in its way.
func (j *judge) last(o *operator, v *version) {
	if o.ending == nil && j.mixed {
		return // hosts that disagree close the gate: there is no one state to go back to
	}
	if o.ending == nil {
		j.s.fail("in calm weather the last deployment was refused: %v", o.err)
		return
	}
	e := o.ending
	if v.bad == "" && e.Outcome != fault.Deployed && !j.excused(v) {
		j.s.fail("in calm weather %s ends as %s: %v", v.tag, e.Outcome, e.Err)
	}
}

// excused tells that the migration cannot go through without a person: a statement without a probe was interrupted.
func (j *judge) excused(v *version) bool {
	if v.change == nil {
		return false
	}
	if j.s.database.Markerless && j.s.database.Forgot() {
		return true
	}
	for _, u := range v.change.script.Units {
		if u.Kind != "alone" || u.Statements[0].Probe != nil {
			continue
		}
		key := apply.Key{App: app, Environment: environment, Migration: v.change.script.SHA256}
		intent, done := false, false
		for _, m := range j.s.database.Marked(key) {
			if m.Unit == u.Index {
				intent, done = intent || !m.Done, done || m.Done
			}
		}
		if intent && !done {
			return true
		}
	}
	return false
}

// sum is everything that a seed decides, in one line, to compare replays.
func (s *story) sum() string {
	return fmt.Sprintf("%d events, %d records, %s, %s", s.Events(), len(s.ledger.All()), s.judge.head, s.seen())
}
