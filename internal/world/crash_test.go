package world_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	targetfake "fairlead/internal/target/fake"
	"fairlead/internal/world"
)

// crash is one release with a migration of three units, in a world in which exactly one thing goes wrong.
type crash struct {
	*story
	v *version
}

func newCrash(c *change) crash {
	s := newStory(7)
	s.database.Markerless = false
	s.hosts, s.services, s.versions = s.hosts[:1], []string{"api", "web"}, nil
	s.target = targetfake.New(s.World, s.services, s.hosts...)
	s.target.Timeout = 3 * time.Second
	for n := range 2 {
		v := &version{tag: fmt.Sprintf("v1.%d.0", n)}
		for _, name := range s.services {
			img := s.image(v, name, n)
			s.images[img.Ref()] = targetfake.Image{Checked: true, Boots: 100 * time.Millisecond}
			v.images = append(v.images, img)
		}
		s.versions = append(s.versions, v)
	}
	for _, img := range s.versions[0].images {
		s.hosts[0].Install(img.Service, img.Ref())
	}
	s.versions[1].change = c
	return crash{s, s.versions[1]}
}

// play deploys, then brings to its end whatever was left, each time with a new process that knows nothing of the one
// before. It gives the number of calls that the deployment made and how the world looks at the end.
func (c crash) play(n int, f world.Fault) (calls int, end string) {
	if n > 0 {
		c.Aim(n, f)
	}
	c.Go("people", func(p *world.Proc) {
		p.Steady = true
		o := c.start(act{do: "deploy", version: c.v}, false)
		p.Wait(24*time.Hour, o.proc.Ended)
		calls = c.Calls()
		c.Peace()
		for try := 0; try < 5 && (c.judge.open != "" || c.running(c.v.images) != ""); try++ {
			for _, at := range c.places {
				at.Heal()
			}
			p.Sleep(4 * time.Hour)
			a := act{do: "deploy", version: c.v}
			if c.judge.open != "" {
				a = act{do: "resume"}
			}
			o := c.start(a, true)
			p.Wait(24*time.Hour, o.proc.Ended)
		}
	})
	c.Run(30 * 24 * time.Hour)
	c.judge.end()
	end = strings.Join(c.broken, "\n") + c.seen()
	for _, sql := range c.v.change.counted {
		end += fmt.Sprintf("%s ran %d times\n", sql, c.database.Applied(sql))
	}
	end += fmt.Sprintf("migration in place %v, run open %q", c.judge.applied(c.v.change.script.SHA256), c.judge.open)
	c.Close()
	return calls, end
}

// trace tells the same again, line by line.
func trace(c *change, n int, f world.Fault) string {
	var lines []string
	again := newCrash(c)
	again.Trace = func(line string) { lines = append(lines, line) }
	again.play(n, f)
	return strings.Join(lines, "\n")
}

func TestCrash_at_every_call_ends_like_an_undisturbed_deployment(t *testing.T) {
	points := 0
	for _, c := range []*change{pool()[2], pool()[4], pool()[9]} {
		calls, want := newCrash(c).play(0, world.NoFault)
		if !strings.Contains(want, "migration in place true") {
			t.Fatalf("undisturbed, %q ends like this:\n%s", c.sql, want)
		}
		for n := 1; n <= calls; n++ {
			for f := world.CrashBefore; f <= world.PauseAfter; f++ {
				points++
				if _, got := newCrash(c).play(n, f); got != want {
					t.Errorf("%s at call %d of %d: the world ends differently\ngot:\n%s\nwant:\n%s\n%s", f, n, calls,
						got, want, trace(c, n, f))
				}
			}
		}
	}
	t.Logf("%d points at which an operator, a runner or a connection died", points)
}
