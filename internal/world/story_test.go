package world_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	backupfake "fairlead/internal/backup/fake"
	"fairlead/internal/database/fake"
	ledgerfake "fairlead/internal/ledger/fake"
	"fairlead/internal/release"
	targetfake "fairlead/internal/target/fake"
	"fairlead/internal/world"
)

const (
	app         = "shop"
	environment = "production"
)

// A version is one release of a story.
type version struct {
	tag    string
	images []release.Image
	change *change // nil: no migration
	bad    string  // why it will not become healthy, or ""
}

// A story is one seed: a world, what stands in it, and the people who act.
type story struct {
	*world.World
	ledger   *ledgerfake.Ledger
	database *fake.Server
	hosts    []*targetfake.Host
	target   *targetfake.Target
	store    *backupfake.Store
	services []string
	versions []*version
	images   map[string]targetfake.Image
	of       map[string]*version // by image reference
	places   []*world.Place

	operators []*operator
	byProc    map[*world.Proc]*operator
	byRecord  map[string]*operator
	calm      bool // nothing goes wrong any more
	locks     int  // lock timeouts because of strangers
	broken    []string
	judge     *judge
}

// newStory builds the world of a seed. Everything that differs between stories is drawn here.
func newStory(seed uint64) *story {
	s := &story{World: world.New(seed), images: map[string]targetfake.Image{}, of: map[string]*version{},
		byProc: map[*world.Proc]*operator{}, byRecord: map[string]*operator{}}
	s.judge, s.Heat = newJudge(s), heat
	s.services = []string{"api", "web", "worker"}[:1+s.Int(2)]
	for i := range 1 + s.Int(2) {
		h := targetfake.NewHost(s.World, fmt.Sprintf("host-%d", i+1))
		h.Images = func(ref string) targetfake.Image { return s.images[ref] }
		h.Changed = s.judge.hostChanges
		s.hosts = append(s.hosts, h)
		s.places = append(s.places, h.Place())
	}
	db, shelf := s.Place("database"), s.Place("store")
	s.places = append(s.places, db, shelf)
	s.database = fake.New(s.World, db)
	s.database.Changed = s.judge.databaseChanges
	s.database.Lasts = s.lasts
	s.database.Busy = s.crowded
	s.database.Markerless = seed%5 == 2
	s.store = backupfake.New(s.World, shelf)
	at := s.hosts[0].Place() // as in production, the ledger lives on the first host
	if s.Chance(0.3) {
		at = s.Place("ledger")
		s.places = append(s.places, at)
	}
	s.ledger = ledgerfake.New(s.World, at)
	s.ledger.Written = s.judge.written
	s.target = targetfake.New(s.World, s.services, s.hosts...)
	s.target.Timeout = 3 * time.Second
	s.write()
	return s
}

// write makes the versions, the first of which runs already unless the story begins with a first deployment.
func (s *story) write() {
	for n := range 3 + s.Int(2) {
		v := &version{tag: fmt.Sprintf("v1.%d.0", n)}
		for _, name := range s.services {
			v.images = append(v.images, s.image(v, name, n))
		}
		if n > 0 && s.Chance(0.65) {
			v.change = pool()[s.Int(len(pool()))]
			for s.database.Markerless && v.change.alone() {
				v.change = pool()[s.Int(len(pool()))]
			}
		}
		if n > 1 && s.Chance(0.15) {
			v.change = s.versions[n-1].change
		}
		s.versions = append(s.versions, v)
	}
	if s.Chance(0.15) {
		return
	}
	for _, h := range s.hosts {
		for _, img := range s.versions[0].images {
			h.Install(img.Service, img.Ref())
		}
	}
}

func (s *story) image(v *version, service string, n int) release.Image {
	hex := fmt.Sprintf("%x", fmt.Sprintf("%s/%d/%d", service, n, s.Seed()))
	ref := fmt.Sprintf("registry.test/%s@sha256:%s", service, hex+strings.Repeat("0", 64-len(hex)))
	img, err := release.ParseImage(service, ref)
	if err != nil {
		panic(err)
	}
	how := targetfake.Image{Checked: s.Chance(0.7), Boots: s.Between(0, 1500*time.Millisecond)}
	if n > 0 && s.Chance(0.12) {
		how.Sick, v.bad = true, service+" never becomes healthy"
	}
	s.images[ref], s.of[ref] = how, v
	return img
}

// lasts is how long a statement works.
func (s *story) lasts(sql string) time.Duration {
	switch {
	case strings.Contains(sql, "CONCURRENTLY"):
		return s.Between(time.Second, 10*time.Minute)
	case s.Chance(0.5):
		return s.Between(0, time.Second)
	}
	return 0
}

// crowded tells whether somebody else's session is in a statement's way.
func (s *story) crowded(string) bool {
	if s.calm || !s.Chance(0.03) {
		return false
	}
	s.locks++
	return true
}

// heat sends faults where they hurt most.
func heat(what string) int {
	switch {
	case what == "COMMIT", strings.HasPrefix(what, "exec CREATE"), strings.HasPrefix(what, "exec DO"):
		return 6
	case strings.HasPrefix(what, "append"), strings.HasPrefix(what, "exec"), strings.HasPrefix(what, "lock"),
		strings.HasPrefix(what, "mark"):
		return 2
	case strings.HasPrefix(what, "allow"), strings.HasPrefix(what, "st"), strings.HasPrefix(what, "remedy"),
		strings.HasPrefix(what, "raise"):
		return 2
	}
	return 0
}

// fail writes down that a promise was broken.
func (s *story) fail(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	s.Tell("## BROKEN: %s", line)
	s.broken = append(s.broken, line)
}

// clock is the world's time for the machines.
type clock struct{ s *story }

func (c clock) Now() time.Time { return c.s.Now() }

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.s.Current().Wait(d, func() bool { return ctx.Err() != nil })
	return ctx.Err()
}

func (c clock) Jitter() float64 { return c.s.Float() }

// profile draws how much goes wrong: nothing in one story of twelve, much in some.
func (s *story) profile() world.Profile {
	every := []int{0, 15, 25, 40, 60, 100}[s.Int(6)]
	if every == 0 && s.Chance(0.5) {
		every = 80
	}
	p := world.Profile{Every: every, Most: 1 + s.Int(5)}
	if s.Chance(0.3) {
		f := world.Faults()[s.Int(len(world.Faults()))]
		p.Weights = map[world.Fault]int{f: 4, world.CrashAfter: 1, world.PauseBefore: 1, world.LostAnswer: 1}
	}
	return p
}

// play lets the whole story happen: plagued people, then a calm in which everything is brought to its end.
func (s *story) play() {
	if p := s.profile(); p.Every > 0 {
		s.Plague(p)
	}
	people := s.Go("people", s.people)
	people.Steady = true
	if !s.Run(30 * 24 * time.Hour) {
		s.fail("the story does not come to its end")
	}
	for _, o := range s.operators {
		if b := o.proc.Broken(); b != "" {
			s.fail("%s panicked: %s", o.proc.Name(), b)
		}
	}
	if b := people.Broken(); b != "" {
		s.fail("the story itself panicked: %s", b)
	}
	s.judge.end()
	s.Close()
}

// people is everybody who starts commands, as they would: they look at what they see and act, now and then beside each
// other.
func (s *story) people(p *world.Proc) {
	for range 2 + s.Int(4) {
		o := s.start(s.choose(), false)
		switch s.Int(3) {
		case 0: // at the same time
			p.Sleep(s.Between(0, 5*time.Second))
		case 1:
			p.Wait(s.Between(time.Minute, time.Hour), o.proc.Ended)
			p.Sleep(s.Between(0, time.Minute))
		default:
			p.Sleep(s.Between(time.Second, 10*time.Minute))
		}
	}
	p.Sleep(s.Between(0, 10*time.Minute))
	s.Peace()
	s.calm = true
	for _, at := range s.places {
		at.Heal()
	}
	s.Tell("-- calm")
	s.settle(p)
}

// choose picks what somebody would do now.
func (s *story) choose() act {
	if s.judge.open == "" {
		if len(s.judge.runs) > 0 && s.Chance(0.12) {
			return act{do: "rollback"}
		}
		return act{do: "deploy", version: s.versions[s.Int(len(s.versions))]}
	}
	switch n := s.Int(10); {
	case n < 6:
		return act{do: "resume"}
	case n < 7:
		return act{do: "rollback"}
	case n < 8:
		return act{do: "abandon"}
	}
	return act{do: "deploy", version: s.versions[s.Int(len(s.versions))]}
}

// settle resumes until the ledger is closed, or a person has decided, and then deploys once more. Operators that stand
// still may wake up at any time meanwhile.
func (s *story) settle(p *world.Proc) {
	for round := 0; s.judge.open != "" || s.busy() || round == 0; round++ {
		if round == 5 || !s.finish(p) {
			s.fail("run %s cannot be brought to its end", s.judge.open)
			return
		}
		p.Wait(12*time.Hour, func() bool { return !s.busy() }) // whoever stood still wakes up
		p.Sleep(4 * time.Hour)                                 // what lingered is gone
	}
	v := s.versions[0]
	for _, w := range s.versions {
		if w.bad == "" && (w.change == nil || w.change.sound) {
			v = w
		}
	}
	s.judge.mixed = !s.agree()
	o := s.start(act{do: "deploy", version: v}, true)
	if !p.Wait(24*time.Hour, o.proc.Ended) {
		s.fail("the last deployment does not come to its end")
		return
	}
	s.judge.last(o, v)
}

// busy tells whether an operator still lives.
func (s *story) busy() bool {
	return slices.ContainsFunc(s.operators, func(o *operator) bool { return !o.proc.Ended() })
}

// finish brings the open run to its end, if there is one.
func (s *story) finish(p *world.Proc) bool {
	for n := 0; n < 8 && s.judge.open != ""; n++ {
		a := act{do: "resume"}
		if n > 3 || n > 0 && s.judge.asked && s.Chance(0.7) {
			a.do = []string{"rollback", "abandon"}[s.Int(2)]
		}
		if n == 7 {
			a.do = "abandon"
		}
		o := s.start(a, true)
		if !p.Wait(24*time.Hour, o.proc.Ended) {
			s.fail("%s does not come to its end", o.proc.Name())
			return false
		}
		p.Sleep(s.Between(time.Minute, 4*time.Hour))
	}
	return s.judge.open == ""
}

// start begins a command in a process of its own.
func (s *story) start(a act, calm bool) *operator {
	o := &operator{s: s, id: len(s.operators) + 1, act: a, calm: calm}
	s.operators = append(s.operators, o)
	o.proc = s.Go(fmt.Sprintf("%s-%d", a.do, o.id), o.main)
	o.proc.Steady = calm
	s.byProc[o.proc] = o
	return o
}

// seen gives what all hosts run of the services, in one comparable line.
func (s *story) seen() string {
	var b strings.Builder
	for _, h := range s.hosts {
		for _, name := range s.services {
			configured, image := h.Runs(name)
			fmt.Fprintf(&b, "%s %s %s %s\n", h.Name(), name, configured, image)
		}
	}
	return b.String()
}

// agree tells whether all hosts run the same.
func (s *story) agree() bool {
	for _, name := range s.services {
		_, first := s.hosts[0].Runs(name)
		for _, h := range s.hosts {
			if _, image := h.Runs(name); image != first {
				return false
			}
		}
	}
	return true
}

// running tells why the hosts do not run exactly these images, or "".
func (s *story) running(images []release.Image) string {
	for _, h := range s.hosts {
		for _, img := range images {
			configured, image := h.Runs(img.Service)
			if configured != img.Ref() || image != img.Ref() {
				return fmt.Sprintf("%s on %s is configured as %q and runs %q", img.Service, h.Name(), configured, image)
			}
		}
	}
	return ""
}
