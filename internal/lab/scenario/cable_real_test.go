//go:build real

package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/lab"
)

// gapAllowance is how much longer a gap may be than that of an undisturbed deployment.
const gapAllowance = 500 * time.Millisecond

// cut is a way to take the connection away in the middle of a rollout, and what the operator that met it must have
// said.
type cut struct {
	claim string
	do    func(r *running, cable *lab.Proxy)
	exit  int
}

var cuts = []cut{
	{"the cable is cut and the host cannot be reached any more", func(_ *running, cable *lab.Proxy) {
		cable.Refuse(true)
		cable.Cut()
	}, 7},
	{"the operator is killed", func(r *running, _ *lab.Proxy) { r.kill() }, -1},
	{"the cable falls silent and is cut later", func(r *running, cable *lab.Proxy) {
		cable.Refuse(true)
		cable.Hold()
		time.AfterFunc(3*time.Second, func() {
			cable.Cut()
			cable.Release()
		})
	}, 7},
}

func TestRollout_goes_on_when_connection_or_client_is_killed_in_its_middle(t *testing.T) {
	s := newStage(t, 15*time.Minute, setting{stack: lab.StackOptions{App: "cable"}})
	cable, err := s.Lab.NewProxy(s.ctx, fmt.Sprintf("%s:%d", s.Lab.SSHHost, s.Lab.SSHPort))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cable.Close() })
	if err := s.WriteConfig(s.Config, lab.ConfigOptions{Hosts: []string{s.Lab.SSHURL(cable.Port())}}); err != nil {
		t.Fatal(err)
	}
	images := [2]lab.Published{s.publish(lab.Release{Tag: "v1.0.0"}), s.publish(lab.Release{Tag: "v1.0.1"})}
	s.must(0, "deploy", "v1.0.0", "--yes")
	n := 0
	next := func() (tag string, was, is lab.Published) {
		n++
		tag = fmt.Sprintf("v2.0.%d", n)
		s.release(tag, images[n%2], "")
		return tag, images[(n+1)%2], images[n%2]
	}
	var calm []time.Duration
	for range 2 {
		tag, _, is := next()
		watch := s.watch()
		s.must(0, "deploy", tag, "--yes")
		gap := watch()
		s.mustRun(is, all...)
		calm = append(calm, gap)
		t.Logf("undisturbed: longest gap of a service %s", gap.Round(time.Millisecond))
	}
	limit := slices.Max(calm) + gapAllowance
	for _, c := range cuts {
		var gap time.Duration
		// What else this machine does can make one container start slowly; a cut that costs something costs it every
		// time.
		for range 3 {
			tag, was, is := next()
			gap = s.cut(c, cable, tag, was, is)
			if gap <= limit {
				break
			}
		}
		t.Logf("%s: longest gap %s, allowed %s", c.claim, gap.Round(time.Millisecond), limit.Round(time.Millisecond))
		if gap > limit {
			t.Errorf("%s: the longest gap was %s each time, an undisturbed deployment's %s", c.claim, gap, calm)
		}
	}
}

// watch starts requests at api and web, and gives what stops them and tells the longest gap.
func (s *stage) watch() func() time.Duration {
	var loads []*lab.Running
	for _, url := range []string{s.APIURL, s.WebURL} {
		loads = append(loads, lab.Load{URL: url + "/health", Rate: 50}.Start(s.ctx))
	}
	return func() time.Duration {
		var gap time.Duration
		for _, l := range loads {
			gap = max(gap, l.Stop().LongestGap)
		}
		return gap
	}
}

// cut disturbs one deployment in the middle of its rollout, lets the host finish, and resumes. It gives the longest
// gap.
func (s *stage) cut(c cut, cable *lab.Proxy, tag string, was, is lab.Published) time.Duration {
	s.t.Helper()
	watch := s.watch()
	r := s.start(s.Home, nil, "deploy", tag, "--yes")
	defer r.kill()
	// The middle: the first service has its new image written down, the last has not.
	s.until("the rollout of "+tag+" has begun", 2*time.Minute,
		func() bool { return strings.Contains(s.env(), is.Images["api"]) })
	c.do(r, cable)
	middle := s.env()
	select {
	case <-r.ended:
	case <-time.After(3 * time.Minute):
		s.t.Fatalf("%s: the operator neither ends nor says anything", c.claim)
	}
	cut := r.wait()
	if cut.Exit != c.exit {
		s.t.Errorf("%s: want exit %d: %s", c.claim, c.exit, cut)
	}
	if c.exit == 7 && !contains(cut.All, "fairlead resume", "unknown") {
		s.t.Errorf("%s: it does not say that the outcome is unknown and how to go on: %s", c.claim, cut)
	}
	// Nobody is connected; the host goes on. A service between two containers is away for a moment, and then wholly one
	// or the other.
	s.until("every service runs wholly the new images, without anybody connected", 2*time.Minute, func() bool {
		if why := s.wholly(was, is); why != "" {
			s.t.Fatalf("%s: %s", c.claim, why)
		}
		return s.runs(is, all...) == ""
	})
	gap := watch()
	cable.Refuse(false)
	s.until("status says that it is deployed and unverified", time.Minute, func() bool {
		return contains(s.must(0, "status").Out, "OPEN", "deployed, unverified since")
	})
	dir, env := s.elsewhere()
	resumed := s.start(dir, env, "resume", "--yes").wait()
	if resumed.Exit != 0 || !strings.Contains(resumed.Out, "deployed "+tag) {
		s.t.Errorf("%s: %s\nwhat was cut had said:\n%s", c.claim, resumed, cut.All)
	}
	s.mustRun(is, all...)
	if strings.Contains(middle, is.Images["web"]) && strings.Contains(middle, is.Images["worker"]) {
		s.t.Logf("%s: the cut came late, all images were written down", c.claim)
	}
	return gap
}

// wholly gives "" when no service runs anything but either its old image or its new one.
func (s *stage) wholly(was, is lab.Published) string {
	s.t.Helper()
	got, err := s.digests()
	if err != nil {
		s.t.Fatal(err)
	}
	for service, digests := range got {
		if len(digests) > 1 || digests[0] != was.Images[service] && digests[0] != is.Images[service] {
			return fmt.Sprintf("%s runs %v: neither wholly old nor wholly new", service, digests)
		}
	}
	return ""
}
