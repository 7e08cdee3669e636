//go:build real

package compose

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/lab"
	"fairlead/internal/release"
	"fairlead/internal/target"
)

func (s *site) ticket(run string, number int64) fence.Ticket {
	return fence.Ticket{App: s.stack.App, Environment: "production", Ledger: "l-1", Run: run, Number: number,
		Holder: "ana@laptop"}
}

func silent(string) {}

// deploy brings images to run and wants a good end.
func (s *site) deploy(t *testing.T, tk fence.Ticket, images []release.Image) {
	t.Helper()
	x := s.open(t)
	_, err := x.Prepare(t.Context(), tk, images, silent)
	check(t, err)
	r, err := x.Roll(t.Context(), tk, target.NewOrder("deploy", images, release.Rollout{}), silent)
	check(t, err)
	if !r.Done() {
		t.Fatalf("roll: %+v", r)
	}
}

// wholly wants every service to run exactly these images, as the engine itself says.
func (s *site) wholly(t *testing.T, images []release.Image) {
	t.Helper()
	running, err := s.stack.RunningDigests(t.Context())
	check(t, err)
	for _, i := range images {
		if got := running[i.Service]; !slices.Equal(got, []string{i.Ref()}) {
			t.Errorf("%s runs %v, want %s", i.Service, got, i.Ref())
		}
	}
}

func TestLook_explains_why_a_host_cannot_be_used(t *testing.T) {
	agents := program(t)
	for name, c := range map[string]struct {
		change func(t *testing.T, s *site)
		code   fault.Code
	}{
		"its key is not known": {func(t *testing.T, s *site) {
			s.config.SSH.KnownHosts = config.Path(filepath.Join(t.TempDir(), "empty"))
			check(t, os.WriteFile(s.config.SSH.KnownHosts.String(), nil, 0o600))
		}, "host-key-unknown"},
		"its key has changed": {func(t *testing.T, s *site) {
			b, err := os.ReadFile(s.config.SSH.KnownHosts.String())
			check(t, err)
			key := filepath.Join(t.TempDir(), "other")
			if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
				key).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			pub, err := os.ReadFile(key + ".pub")
			check(t, err)
			name, _, _ := strings.Cut(string(b), " ")
			s.config.SSH.KnownHosts = config.Path(filepath.Join(t.TempDir(), "changed"))
			check(t, os.WriteFile(s.config.SSH.KnownHosts.String(),
				[]byte(name+" "+strings.Join(strings.Fields(string(pub))[:2], " ")+"\n"), 0o600))
		}, "host-key-changed"},
		"it refuses our key": {func(t *testing.T, s *site) {
			key := filepath.Join(t.TempDir(), "stranger")
			if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
				key).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			s.config.SSH.IdentityFile = config.Path(key)
		}, "ssh-denied"},
		"nobody listens": {func(t *testing.T, s *site) { s.config.Hosts = []string{s.stack.Lab.SSHURL(1)} },
			"host-unreachable"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			s := newSite(t, agents, false, lab.StackOptions{})
			c.change(t, s)
			_, err := s.open(t).Look(t.Context())
			f, ok := fault.Find(err)
			if !ok || f.Code != c.code || !errors.Is(err, target.ErrUnreachable) {
				t.Errorf("got %v, %+v; want the fault %s", err, f, c.code)
			}
		})
	}
}

func TestLook_refuses_what_is_not_set_up_for_a_release(t *testing.T) {
	agents := program(t)
	for name, c := range map[string]struct {
		options lab.StackOptions
		change  func(t *testing.T, s *site)
		code    fault.Code
	}{
		"the .env is an env_file too": {options: lab.StackOptions{EnvFile: true}, code: "shared-env-file"},
		"a key stands twice": {change: func(t *testing.T, s *site) {
			s.addEnv(t, "API_IMAGE=a\nAPI_IMAGE=b\n")
		}, code: "env-key"},
		"a literal image": {change: func(t *testing.T, s *site) { s.edit(t, "${API_IMAGE}", "shop/api:1") },
			code: "image-not-from-key"},
		"a variable is not set": {change: func(t *testing.T, s *site) {
			s.edit(t, "${GREETING}", "${NOBODY_SETS_THIS}")
		}, code: "unset-variable"},
		"a broken compose file": {change: func(t *testing.T, s *site) { s.edit(t, "services:", "services: [") },
			code: "compose-config"},
		"no compose file": {change: func(_ *testing.T, s *site) {
			s.config.Files = []string{"infra/nothing.yml"}
		}, code: "no-compose-file"},
		"a service that is not there": {change: func(_ *testing.T, s *site) {
			s.config.Services["cron"] = Service{ImageEnv: "CRON_IMAGE"}
		}, code: "no-such-service"},
		"a linked env file": {change: func(t *testing.T, s *site) {
			check(t, os.Rename(s.stack.EnvPath, s.stack.EnvPath+".real"))
			check(t, os.Symlink(s.stack.EnvPath+".real", s.stack.EnvPath))
		}, code: "env-file-link"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			s := newSite(t, agents, false, c.options)
			if c.change != nil {
				c.change(t, s)
			}
			before := s.prints(t)
			o, err := s.open(t).Look(t.Context())
			check(t, err)
			if len(o.Problems) == 0 || o.Problems[0].Code != c.code || len(o.Problems[0].Do) == 0 {
				t.Errorf("problems %+v, want %s with a cure", o.Problems, c.code)
			}
			_, err = s.open(t).Prepare(t.Context(), s.ticket("r-1", 1), s.publish(t, "v1.0.0", nil), silent)
			if !fault.IsUntouched(err) {
				t.Errorf("prepare: %v, want a refusal that changed nothing", err)
			}
			if after := withoutOurs(s.prints(t)); after != before {
				t.Errorf("the app's files changed:\n%s\n%s", before, after)
			}
		})
	}
}

func (s *site) addEnv(t *testing.T, text string) {
	t.Helper()
	b, err := os.ReadFile(s.stack.EnvPath)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	check(t, os.WriteFile(s.stack.EnvPath, append(b, text...), 0o600))
}

func (s *site) edit(t *testing.T, old, with string) {
	t.Helper()
	b, err := os.ReadFile(s.stack.ComposePath)
	check(t, err)
	check(t, os.WriteFile(s.stack.ComposePath, []byte(strings.Replace(string(b), old, with, 1)), 0o644))
}

// withoutOurs leaves out what fairlead itself keeps.
func withoutOurs(prints string) string {
	var kept strings.Builder
	for line := range strings.Lines(prints) {
		if !strings.Contains(line, "/.fairlead/") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestLook_refuses_a_second_stack_beside_the_one_that_runs(t *testing.T) {
	s := newSite(t, program(t), false, lab.StackOptions{})
	p, err := s.stack.PublishRelease(t.Context(), lab.Release{Tag: "v1.0.0"})
	check(t, err)
	check(t, s.stack.RunByHand(t.Context(), p))
	o, err := s.open(t).Look(t.Context())
	check(t, err)
	if len(o.Problems) > 0 {
		t.Fatalf("what was started by hand in the same way: %+v", o.Problems)
	}
	for _, h := range o.Hosts[0].Services {
		if len(h.Replicas) != 1 || !h.Replicas[0].Runs(p.Images[h.Name]) || h.Configured != p.Images[h.Name] {
			t.Errorf("%+v, want the image %s", h, p.Images[h.Name])
		}
	}
	s.config.Project = "another"
	o, err = s.open(t).Look(t.Context())
	check(t, err)
	if len(o.Problems) != 1 || o.Problems[0].Code != "other-project" {
		t.Errorf("problems %+v, want other-project", o.Problems)
	}
}

func TestRoll_leaves_nothing_for_the_next_manual_up(t *testing.T) {
	s := newSite(t, program(t), false, lab.StackOptions{Replicas: 2})
	s.addEnv(t, "# by hand\nEXTRA='a b' # stays\n")
	before, err := os.ReadFile(s.stack.EnvPath)
	check(t, err)
	images := s.publish(t, "v1.0.0", nil)
	s.deploy(t, s.ticket("r-1", 1), images)
	ids := func() (all []string) {
		containers, err := s.stack.Containers(t.Context())
		check(t, err)
		for _, c := range containers {
			all = append(all, c.ID)
		}
		return all
	}
	was := ids()
	if len(was) != 4 {
		t.Errorf("%d containers, want 4", len(was))
	}
	if out, err := s.stack.Compose(t.Context(), "up", "-d").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if now := ids(); !slices.Equal(now, was) {
		t.Errorf("a manual up replaced containers:\n%v\n%v", was, now)
	}
	after, err := os.ReadFile(s.stack.EnvPath)
	check(t, err)
	if !strings.HasPrefix(string(after), string(before)) {
		t.Errorf("the .env was\n%s\nand is\n%s", before, after)
	}
	if out, err := s.stack.Compose(t.Context(), "up", "-d", "--scale", "worker=3",
		"--no-recreate").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.deploy(t, s.ticket("r-2", 2), s.publish(t, "v1.1.0", nil))
	if now := ids(); len(now) != 5 {
		t.Errorf("%d containers after somebody scaled to three workers, want 5", len(now))
	}
}

func TestWhole_run_needs_one_connection_and_eight_exchanges(t *testing.T) {
	s := newSite(t, program(t), false, lab.StackOptions{})
	images := s.publish(t, "v1.0.0", nil)
	s.deploy(t, s.ticket("r-0", 1), images)
	next := s.publish(t, "v1.1.0", nil)
	x := s.open(t)
	_, err := x.Look(t.Context())
	check(t, err)
	check(t, x.Raise(t.Context(), s.ticket("r-1", 2)))
	_, err = x.Prepare(t.Context(), s.ticket("r-1", 2), next, silent)
	check(t, err)
	r, err := x.Roll(t.Context(), s.ticket("r-1", 2), target.NewOrder("deploy", next, release.Rollout{}), silent)
	if err != nil || !r.Done() {
		t.Fatalf("%+v, %v", r, err)
	}
	got := x.hosts[0].Traffic()
	t.Logf("traffic %+v; %s", got, unavailable(r))
	if got.Connections != 1 || got.Exchanges > 8 {
		t.Errorf("traffic %+v, want 1 connection and at most 8 exchanges", got)
	}
	s.wholly(t, next)
}

func unavailable(r target.Result) string {
	var all []string
	for _, s := range r.Hosts[0].Report.Services {
		all = append(all, s.Service+" "+s.Unavailable.String())
	}
	return strings.Join(all, ", ")
}

// disturbed rolls the second release and does something to it in the middle.
func disturbed(t *testing.T, disturb func(t *testing.T, s *site, cable *lab.Proxy)) {
	s := newSite(t, program(t), false, lab.StackOptions{})
	l := s.stack.Lab
	cable, err := l.NewProxy(t.Context(), strings.TrimPrefix(l.SSHURL(l.SSHPort), "ssh://"+l.SSHUser+"@"))
	check(t, err)
	t.Cleanup(func() { cable.Close() })
	known, err := os.ReadFile(l.KnownHosts)
	check(t, err)
	s.config.SSH.KnownHosts = config.Path(filepath.Join(t.TempDir(), "known_hosts"))
	var more strings.Builder
	for line := range strings.Lines(string(known)) {
		if _, key, ok := strings.Cut(line, " "); ok {
			more.WriteString("* " + key)
		}
	}
	check(t, os.WriteFile(s.config.SSH.KnownHosts.String(), []byte(more.String()), 0o600))
	s.config.Hosts = []string{l.SSHURL(cable.Port())}
	s.deploy(t, s.ticket("r-1", 1), s.publish(t, "v1.0.0", nil))
	next := s.publish(t, "v1.1.0", nil)
	x := s.open(t)
	_, err = x.Prepare(t.Context(), s.ticket("r-2", 2), next, silent)
	check(t, err)
	said := make(chan string, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for text := range said {
			if strings.Contains(text, "web: replacing") {
				disturb(t, s, cable)
				break
			}
		}
		for range said {
		}
	}()
	r, err := x.Roll(t.Context(), s.ticket("r-2", 2), target.NewOrder("deploy", next, release.Rollout{}),
		func(text string) { t.Log(text); said <- text })
	close(said)
	<-done
	if err != nil || !r.Done() {
		t.Fatalf("roll: %+v, %v", r, err)
	}
	s.wholly(t, next)
}

func TestRoll_follows_on_when_the_connection_is_cut(t *testing.T) {
	disturbed(t, func(_ *testing.T, _ *site, cable *lab.Proxy) { cable.Cut() })
}

func TestRoll_follows_on_when_the_host_cannot_be_reached_for_a_while(t *testing.T) {
	disturbed(t, func(_ *testing.T, _ *site, cable *lab.Proxy) {
		cable.Refuse(true)
		cable.Cut()
		time.AfterFunc(2*time.Second, func() { cable.Refuse(false) })
	})
}

func TestRoll_starts_its_order_again_when_its_process_was_killed(t *testing.T) {
	disturbed(t, func(t *testing.T, s *site, _ *lab.Proxy) {
		out, err := s.stack.Lab.HostCommand(t.Context(), "pkill", "-KILL", "-f",
			"fairlead-agent-.* roll .*/"+s.stack.App+"/").CombinedOutput()
		if err != nil {
			t.Errorf("kill the runner: %v: %s", err, out)
		}
	})
}

func TestRoll_that_was_overtaken_stops_and_the_successor_finishes(t *testing.T) {
	s := newSite(t, program(t), false, lab.StackOptions{})
	first, next := s.publish(t, "v1.0.0", nil), s.publish(t, "v1.1.0", nil)
	s.deploy(t, s.ticket("r-1", 1), first)
	x := s.open(t)
	_, err := x.Prepare(t.Context(), s.ticket("r-2", 2), next, silent)
	check(t, err)
	took := make(chan error, 1)
	var raised bool
	other := s.open(t)
	_, err = other.Underway(t.Context(), s.ticket("r-2", 3), "deploy") // connects, so that raising is quick
	check(t, err)
	_, err = x.Roll(t.Context(), s.ticket("r-2", 2), target.NewOrder("deploy", next, release.Rollout{}),
		func(text string) {
			if strings.Contains(text, "api: replacing") && !raised {
				raised = true
				took <- other.Raise(context.Background(), s.ticket("r-2", 3))
			}
		})
	select {
	case raised := <-took:
		check(t, raised)
	default:
		t.Fatalf("the rollout ended before anything was replaced: %v", err)
	}
	if !errors.Is(err, fence.ErrOvertaken) {
		t.Errorf("the old holder's rollout: %v, want %v", err, fence.ErrOvertaken)
	}
	if _, err := x.Roll(t.Context(), s.ticket("r-2", 2), target.NewOrder("deploy", next, release.Rollout{}),
		silent); !errors.Is(err, fence.ErrOvertaken) {
		t.Errorf("the old holder again: %v, want %v", err, fence.ErrOvertaken)
	}
	r, err := s.open(t).Roll(t.Context(), s.ticket("r-2", 3),
		target.NewOrder("deploy", next, release.Rollout{}), silent)
	if err != nil || !r.Done() {
		t.Fatalf("the successor: %+v, %v", r, err)
	}
	s.wholly(t, next)
}

func TestCompose_reads_the_env_file_that_is_set(t *testing.T) {
	s := newSite(t, program(t), false, lab.StackOptions{})
	top := filepath.Join(s.stack.Dir, ".env")
	check(t, os.WriteFile(top, []byte("COMPOSE_FILE=infra/docker-compose.prod.yml\n"), 0o600))
	check(t, os.Chown(top, s.stack.Lab.Uid, s.stack.Lab.Gid))
	images := s.publish(t, "v1.0.0", nil)
	s.deploy(t, s.ticket("r-1", 1), images)
	cmd := s.stack.Lab.Docker(t.Context(), "compose", "config", "--images")
	cmd.Dir = s.stack.Dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, i := range images {
		if !strings.Contains(string(out), i.Ref()) {
			t.Errorf("compose typed in the folder reads\n%swant %s", out, i.Ref())
		}
	}
	if b, _ := os.ReadFile(s.stack.EnvPath); strings.Contains(string(b), "_IMAGE=") {
		t.Errorf("the other .env was changed: %s", b)
	}
}
