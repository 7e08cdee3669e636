//go:build real

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newStack(t *testing.T, o StackOptions) *Stack {
	t.Helper()
	l := Here(t)
	s, err := l.Stack(patience(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func publish(t *testing.T, s *Stack, r Release) Published {
	t.Helper()
	p, err := s.PublishRelease(patience(t), r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// get gives the status and the body of an address of the lab, 0 and the error's
// text if there is no answer.
func get(ctx context.Context, l *Lab, url string) (int, string) {
	transport := l.Transport()
	transport.DisableKeepAlives = true
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err.Error()
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, string(body)
}

func answers(ctx context.Context, l *Lab, url string) error {
	if code, body := get(ctx, l, url); code != 200 {
		return fmt.Errorf("%s answers %d %s", url, code, body)
	}
	return nil
}

func TestRunByHand_runs_the_published_digests_and_answers(t *testing.T) {
	ctx := patience(t)
	s := newStack(t, StackOptions{App: "handmade", Replicas: 2})
	for _, tag := range []string{"v1.0.0", "v1.1.0"} {
		p := publish(t, s, Release{Tag: tag})
		if err := s.RunByHand(ctx, p); err != nil {
			t.Fatal(err)
		}
		got, err := s.RunningDigests(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for service, n := range map[string]int{"api": 1, "worker": 2, "web": 1} {
			if len(got[service]) != n || got[service][0] != p.Images[service] ||
				got[service][n-1] != p.Images[service] {
				t.Errorf("%s runs %v, want %d times %s", service, got[service], n, p.Images[service])
			}
		}
		if _, body := get(ctx, s.Lab, s.WebURL+"/version"); !strings.Contains(body, tag) {
			t.Errorf("/version says %q, want %s", body, tag)
		}
	}
}

func TestSSH_reaches_engine_and_compose_as_the_deploy_user(t *testing.T) {
	ctx := patience(t)
	s := newStack(t, StackOptions{App: "sshapp"})
	p := publish(t, s, Release{Tag: "v1.0.0"})
	out, err := s.Lab.SSH(ctx, "id -un && docker compose version --short && docker pull -q "+p.Images["api"]+" && "+
		"touch "+s.Dir+"/mine").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := "deploy\nv2.40.3\n" + p.Images["api"] + "\n"
	if string(out) != want && string(out) != strings.Replace(want, "v2", "2", 1) {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestBehaviours_show_in_health_smoke_and_restarts(t *testing.T) {
	ctx := patience(t)
	s := newStack(t, StackOptions{App: "naughty"})
	p := publish(t, s, Release{Tag: "v1.0.0", Behaviour: map[string]string{
		"api": "never-healthy", "worker": "crash-at-boot", "web": "bad-smoke,slow-boot=1s",
	}})
	if err := s.RunByHand(ctx, p); err == nil {
		t.Error("compose up --wait was content with an application that is never healthy")
	}
	until := time.Now().Add(20 * time.Second)
	for {
		all, err := s.Containers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]Container{}
		for _, c := range all {
			seen[c.Service] = c
		}
		if seen["api"].Health == "unhealthy" && seen["web"].Health == "healthy" && seen["worker"].Restarts > 0 {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("got %+v, want api unhealthy, web healthy, worker restarting", seen)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if code, body := get(ctx, s.Lab, s.WebURL+"/api/health"); code != 500 {
		t.Errorf("the smoke address answers %d %s, want 500", code, body)
	}
}

func TestLoad_counts_failures_and_the_gap_of_a_restart(t *testing.T) {
	ctx := patience(t)
	s := newStack(t, StackOptions{App: "loaded"})
	if err := s.RunByHand(ctx, publish(t, s,
		Release{Tag: "v1.0.0", Behaviour: map[string]string{"api": "slow-boot=1s"}})); err != nil {
		t.Fatal(err)
	}
	quiet := Load{URL: s.APIURL + "/health"}.Start(ctx)
	time.Sleep(time.Second)
	if r := quiet.Stop(); r.Failed > 0 || r.Sent < 150 || r.LongestGap != 0 {
		t.Errorf("undisturbed: %s (%s)", r, r.FirstError)
	}
	running := Load{URL: s.APIURL + "/health"}.Start(ctx)
	time.Sleep(300 * time.Millisecond)
	if out, err := s.Compose(ctx, "restart", "api").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	time.Sleep(1500 * time.Millisecond)
	r := running.Stop()
	t.Log(r)
	if r.Failed < 100 || r.LongestGap < time.Second || r.LongestGap > 4*time.Second {
		t.Errorf("a restart with one second of boot: %s", r)
	}
}

func TestPgProxy_cuts_around_statements_and_commits(t *testing.T) {
	ctx := patience(t)
	s := newStack(t, StackOptions{App: "cutdb"})
	if err := s.Exec(ctx, "CREATE TABLE t(n int)"); err != nil {
		t.Fatal(err)
	}
	p, err := s.Lab.NewPgProxy(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	url, err := p.URL(s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	insert := func(n int) error {
		c, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		tx, err := c.Begin(ctx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO t VALUES ($1)", n); err != nil {
			return err
		}
		return tx.Commit(ctx)
	}
	cases := []struct {
		name string
		rule *Rule
		fail bool
		kept string
	}{
		{"nothing disturbs", nil, false, "1"},
		{"cut before the insert", &Rule{Match: "insert into t", Cut: true}, true, "0"},
		{"cut after the insert", &Rule{Match: "insert into t", Cut: true, When: AfterDone}, true, "0"},
		{"cut before the commit", &Rule{Match: "commit", Cut: true}, true, "0"},
		{"cut after the commit", &Rule{Match: "commit", Cut: true, When: AfterDone}, true, "1"},
		{"cut at the third statement", &Rule{Nth: 3, Cut: true}, true, "0"},
		{"look, but do not touch", &Rule{Match: "commit", When: AfterDone, Do: func() {}}, false, "1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := s.Exec(ctx, "TRUNCATE t"); err != nil {
				t.Fatal(err)
			}
			p.Set(c.rule)
			if err := insert(1); (err != nil) != c.fail {
				t.Errorf("the client saw %v", err)
			}
			if p.Fired() != (c.rule != nil) {
				t.Errorf("the rule acted: %v", p.Fired())
			}
			rows, err := s.Rows(ctx, "SELECT count(*) FROM t")
			if err != nil || rows[0][0] != c.kept {
				t.Errorf("%v rows (%v), want %s", rows, err, c.kept)
			}
		})
	}
	p.Set(nil)
	if err := insert(2); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Statements(), "; "); got != "begin; INSERT INTO t VALUES ($1); commit" {
		t.Errorf("statements: %s", got)
	}
}

func TestProxy_cuts_and_silences_an_ssh_session(t *testing.T) {
	ctx := patience(t)
	l := Here(t)
	p, err := l.NewProxy(ctx, "127.0.0.1:2222")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	through := *l
	through.SSHPort = p.Port()
	if out, err := through.SSH(ctx, "echo here").CombinedOutput(); err != nil || string(out) != "here\n" {
		t.Fatalf("through the proxy: %v %s", err, out)
	}
	cmd := through.SSH(ctx, "echo here; sleep 30")
	says, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(says, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	p.Cut()
	if err := cmd.Wait(); err == nil || time.Since(began) > 2*time.Second {
		t.Errorf("after the cut: %v in %s", err, time.Since(began))
	}
	p.Hold()
	quick, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if out, err := through.SSH(quick, "true").CombinedOutput(); err == nil {
		t.Errorf("a held connection answered: %s", out)
	}
	p.Release()
	p.Refuse(true)
	if err := through.SSH(ctx, "true").Run(); err == nil {
		t.Error("a refusing proxy let a connection through")
	}
	p.Refuse(false)
	if err := through.SSH(ctx, "true").Run(); err != nil {
		t.Error(err)
	}
	if p.Accepted() != 5 {
		t.Errorf("%d connections, want 5", p.Accepted())
	}
}

func TestParts_go_away_and_come_back_with_their_data(t *testing.T) {
	ctx := patience(t)
	s := newStack(t, StackOptions{App: "partly"})
	l := s.Lab
	p := publish(t, s, Release{Tag: "v1.0.0"})
	if err := s.Exec(ctx, "CREATE TABLE t AS SELECT 7 AS n"); err != nil {
		t.Fatal(err)
	}
	works := map[Part]func() error{
		Registry: func() error {
			return answers(ctx, l, "http://"+l.RegistryHost+"/v2/"+s.App+"/api/manifests/v1.0.0")
		},
		Postgres: func() error { _, err := s.Rows(ctx, "SELECT n FROM t"); return err },
		SSHD:     func() error { return l.SSH(ctx, "true").Run() },
		Docker:   func() error { return l.Docker(ctx, "version").Run() },
		Webhook:  func() error { return answers(ctx, l, l.WebhookURL+"/slack") },
	}
	for part, check := range works {
		for name, end := range map[string]func(context.Context, Part) error{"stop": l.Stop, "kill": l.Kill} {
			if err := check(); err != nil {
				t.Errorf("%s does not work: %v", part, err)
			}
			if err := end(ctx, part); err != nil {
				t.Errorf("%s %s: %v", name, part, err)
			}
			if check() == nil {
				t.Errorf("%s works after %s", part, name)
			}
			if err := l.Start(ctx, part); err != nil {
				t.Fatalf("start %s: %v", part, err)
			}
			if err := check(); err != nil {
				t.Errorf("%s does not work after %s and start: %v", part, name, err)
			}
		}
	}
	if out, err := l.SSH(ctx, "docker pull -q "+p.Images["web"]).CombinedOutput(); err != nil {
		t.Errorf("pull after all of it: %v %s", err, out)
	}
	hooks, err := l.Hooks()
	if err != nil || len(hooks) == 0 || hooks[len(hooks)-1].Path != "/slack" {
		t.Errorf("hooks: %+v %v", hooks, err)
	}
}

func TestPostgres_comes_back_although_sessions_of_the_killed_one_are_at_work(t *testing.T) {
	ctx := patience(t)
	s := newStack(t, StackOptions{App: "orphaned"})
	// Neither ends when the server does: one computes and looks at nothing, one is stopped.
	computes := "DO $$ DECLARE n numeric := 1; BEGIN FOR i IN 1..2000000000 LOOP n := n + i; END LOOP; END $$"
	var sessions sync.WaitGroup
	for _, sql := range []string{computes, "SELECT pg_sleep(600)"} {
		sessions.Go(func() { _ = s.Exec(ctx, sql) })
	}
	t.Cleanup(sessions.Wait)
	pids := func() [][]string {
		rows, err := s.Rows(ctx, "SELECT pid FROM pg_stat_activity WHERE usename = current_user AND state = 'active' "+
			"AND pid <> pg_backend_pid() ORDER BY query LIKE '%pg_sleep%'")
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	both := pids()
	for ; len(both) < 2; both = pids() {
		time.Sleep(20 * time.Millisecond)
	}
	if out, err := s.Lab.HostCommand(ctx, "kill", "-STOP", both[1][0]).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if err := s.Lab.Kill(ctx, Postgres); err != nil {
		t.Fatal(err)
	}
	if err := s.Lab.HostCommand(ctx, "kill", "-0", both[0][0]).Run(); err != nil {
		t.Errorf("the session that computes is gone already, so that this proves nothing: %v", err)
	}
	if err := s.Lab.Start(ctx, Postgres); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rows(ctx, "SELECT 1"); err != nil {
		t.Error(err)
	}
}

func TestNothing_outside_of_the_lab_can_be_reached(t *testing.T) {
	l := Here(t)
	out, err := l.Command(patience(t), "ip", "-o", "route", "get", "192.0.2.1").CombinedOutput()
	if err == nil {
		t.Errorf("there is a way out: %s", out)
	}
}

func TestHostCommand_sees_the_sessions_of_the_host(t *testing.T) {
	ctx := patience(t)
	l := Here(t)
	cmd := l.SSH(ctx, "exec sleep 4321")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(5 * time.Second)
	for {
		out, _ := l.HostCommand(ctx, "sh", "-c", "grep -lz '^4321$' /proc/[0-9]*/cmdline | cut -d/ -f3").Output()
		if len(out) > 0 {
			if text, err := l.HostCommand(ctx, "kill", "-9",
				strings.TrimSpace(string(out))).CombinedOutput(); err != nil {
				t.Errorf("kill: %v %s", err, text)
			}
			break
		}
		if time.Now().After(until) {
			_ = cmd.Process.Signal(syscall.SIGKILL)
			t.Fatal("the session's program does not show on the host")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the session went on after its program was killed")
	}
}

func TestSmallDisk_is_full_soon_and_goes_away(t *testing.T) {
	ctx := patience(t)
	s := newStack(t, StackOptions{App: "tiny"})
	remove, err := s.Lab.SmallDisk(ctx, s.Dir, 64<<10)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Lab.SSH(ctx, "head -c 200000 /dev/zero > "+s.Dir+"/big").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "No space left") {
		t.Errorf("200 kB went onto a disk of 64 kB: %v %s", err, out)
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	if out, err := s.Lab.SSH(ctx, "head -c 200000 /dev/zero > "+s.Dir+"/big").CombinedOutput(); err != nil {
		t.Errorf("the disk is still small: %v %s", err, out)
	}
}
