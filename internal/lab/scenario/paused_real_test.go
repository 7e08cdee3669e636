//go:build real

package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/lab"
	"fairlead/internal/lab/stream"
)

// pause is a place where an operator is stopped, and how it is brought about. stop may be called once, from any
// goroutine.
type pause struct {
	claim string
	sql   string // the migration; %s is the release's own name
	set   func(c *crashes, stop func())
}

// asItWrites stops the operator when a step's beginning is durable and its answer not yet read.
func asItWrites(v engine.Verdict, step engine.Name) func(*crashes, func()) {
	return func(c *crashes, stop func()) {
		c.stream.Hear(func(m stream.Moment) bool {
			if m.When == stream.Done && says(m, v, step) {
				stop()
			}
			return true
		})
	}
}

const quickSQL = "CREATE TABLE %[1]s (id bigint PRIMARY KEY);\nINSERT INTO passes (release) VALUES ('%[1]s');\n"

var (
	beforeMigrate = pause{"before migrate, its beginning written down", quickSQL, asItWrites(engine.Began, "migrate")}
	inTransaction = pause{"in migrate, between two statements of a transaction", quickSQL,
		func(c *crashes, stop func()) {
			c.proxy.Set(&lab.Rule{Match: "CREATE TABLE paused", When: lab.AfterDone, Do: stop})
		}}
	beforeBuild = pause{"in migrate, before an index is built outside a transaction",
		quickSQL + "CREATE INDEX CONCURRENTLY IF NOT EXISTS %[1]s_index ON %[1]s (id);\n",
		func(c *crashes, stop func()) {
			c.stream.Hear(func(m stream.Moment) bool {
				if m.When == stream.Before && says(m, engine.Began, "migrate") {
					c.proxy.Set(&lab.Rule{Match: "set_config('lock_timeout'", When: lab.AfterDone, Do: stop})
				}
				return true
			})
		}}
	beforeDeploy = pause{"before deploy, its beginning written down", quickSQL, asItWrites(engine.Began, "deploy")}
)

var pauses = []pause{
	beforeMigrate,
	{"before migrate, the backup just proven", quickSQL, asItWrites(engine.Proven, "backup")},
	inTransaction,
	{"in migrate, while a statement runs",
		"CREATE TABLE %[1]s (id bigint PRIMARY KEY);\nINSERT INTO passes (release) SELECT '%[1]s' FROM pg_sleep(6);\n",
		func(c *crashes, stop func()) {
			c.proxy.Set(&lab.Rule{Match: "pg_sleep(6)", Do: func() { time.AfterFunc(300*time.Millisecond, stop) }})
		}},
	{"in migrate, COMMIT sent and not heard of", quickSQL, func(c *crashes, stop func()) {
		c.stream.Hear(func(m stream.Moment) bool {
			if m.When == stream.Before && says(m, engine.Noted, "migrate") {
				c.proxy.Set(&lab.Rule{Match: "COMMIT", When: lab.AfterDone, Do: stop})
			}
			return true
		})
	}},
	beforeBuild,
	beforeDeploy,
	{"before deploy, the migration just proven", quickSQL, asItWrites(engine.Proven, "migrate")},
}

func TestPaused_operator_is_taken_over_and_can_change_nothing_when_it_wakes(t *testing.T) {
	t.Parallel()
	c := newRunning(t, one("paused"))
	for i, p := range pauses {
		name, tag := fmt.Sprintf("paused_%d", i+1), fmt.Sprintf("v3.0.%d", i+1)
		images := c.images[(i+1)%2]
		c.release(tag, images, fmt.Sprintf(p.sql, name), "api")
		began := time.Now()
		if !c.sleepThrough(p, tag, "resume") {
			continue
		}
		if n := c.value("SELECT count(*) FROM passes WHERE release = '" + name + "'"); n != "1" {
			t.Errorf("%s: the migration was applied %s times", p.claim, n)
		}
		if last := c.last(); last.Tag != tag || last.Outcome != fault.Deployed {
			t.Errorf("%s: the ledger does not say that %s is deployed: %+v", p.claim, tag, last)
		}
		c.mustRun(images, "api")
		t.Logf("%6s  paused %s", time.Since(began).Round(10*time.Millisecond), p.claim)
	}
}

func TestPaused_operator_whose_run_was_given_up_does_nothing_more_of_it(t *testing.T) {
	t.Parallel()
	c := newRunning(t, one("given-up"))
	for i, row := range []struct {
		pause
		by              []string
		passes, indexes string
	}{
		{beforeMigrate, []string{"abandon", "--reason", "a test gives it up"}, "0", "0"},
		{inTransaction, []string{"abandon", "--reason", "a test gives it up"}, "0", "0"},
		{beforeBuild, []string{"abandon", "--reason", "a test gives it up"}, "1", "0"},
		{beforeDeploy, []string{"rollback"}, "1", "0"},
	} {
		name, tag := fmt.Sprintf("paused_%d", i+1), fmt.Sprintf("v3.0.%d", i+1)
		c.release(tag, c.images[1], fmt.Sprintf(row.sql, name), "api")
		if !c.sleepThrough(row.pause, tag, row.by...) {
			continue
		}
		if n := c.value("SELECT count(*) FROM passes WHERE release = '" + name + "'"); n != row.passes {
			t.Errorf("%s: the first unit was applied %s times, want %s", row.claim, n, row.passes)
		}
		if n := c.value("SELECT count(*) FROM pg_class WHERE relname = '" + name + "_index'"); n != row.indexes {
			t.Errorf("%s: the index is there %s times, want %s", row.claim, n, row.indexes)
		}
		c.mustRun(c.images[0], "api")
		if !strings.Contains(c.env(), c.images[0].Images["api"]) {
			t.Errorf("%s: the .env names another image: %s", row.claim, c.env())
		}
		t.Logf("paused %s, then fairlead %s", row.claim, row.by[0])
	}
}

// sleepThrough pauses a deployment, has somebody else take it over with a command, wakes it, and compares the world
// before with the world after. It gives false when it did not come so far.
func (c *crashes) sleepThrough(p pause, tag string, by ...string) bool {
	c.t.Helper()
	var r *running
	started, stopped := make(chan struct{}), make(chan struct{})
	p.set(c, sync.OnceFunc(func() {
		<-started
		if err := asleep(r.cmd.Process); err != nil {
			c.t.Error(err)
		}
		close(stopped)
	}))
	r = c.start(c.Home, c.agents, "deploy", tag, "--yes")
	close(started)
	defer r.kill()
	select {
	case <-stopped:
	case <-r.ended:
		c.t.Errorf("%s: it came to its end without being paused: %s", p.claim, r.wait())
		return false
	}
	c.stream.Hear(nil)
	dir, env := c.elsewhere()
	if asked := c.start(dir, env, by...).wait(); asked.Exit != 9 ||
		!contains(asked.All, "still runs on this machine", "--yes") {
		c.t.Errorf("%s: without --yes, want a question and exit 9: %s", p.claim, asked)
	}
	taken := c.start(dir, env, append(by, "--yes")...).wait()
	if taken.Exit != 0 {
		c.t.Errorf("%s: %s", p.claim, taken)
		return false
	}
	before := c.world()
	if err := r.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		c.t.Fatal(err)
	}
	select {
	case <-r.ended:
	case <-time.After(3 * time.Minute):
		c.t.Errorf("%s: woken, it did not end", p.claim)
		return false
	}
	woken := r.wait()
	if woken.Exit != 8 || !contains(woken.All, "taken over") || !strings.Contains(woken.All, c.last().Holder) {
		c.t.Errorf("%s: woken, want exit 8 and who took over (%s): %s", p.claim, c.last().Holder, woken)
	}
	if after := c.world(); after != before {
		c.t.Errorf("%s: woken, it changed the world:\nbefore %s\nafter  %s", p.claim, before, after)
	}
	return true
}

// asleep stops a process and returns when each of its threads stands still: the signal goes to one of them, and until
// that one is scheduled, which takes a while on a busy machine, the others run on.
func asleep(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.Pid))
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(threads, runs) {
			return nil
		}
	}
	return fmt.Errorf("process %d does not stop", p.Pid)
}

// runs tells whether a thread, by its file, is not stopped. A thread that is gone does not run.
func runs(stat string) bool {
	b, err := os.ReadFile(stat)
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(state, "T")
}

// world is everything that an operator could change: ledger, containers, .env, tables, markers, fence, indexes.
func (s *stage) world() string {
	s.t.Helper()
	head, records := s.head()
	containers, err := s.Containers(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ledger %s (%d)\n.env %s\n", head, records, s.env())
	for _, c := range containers {
		fmt.Fprintf(&b, "%s %s %s %s\n", c.Service, c.ID, c.State, c.Digest)
	}
	for _, sql := range []string{
		"SELECT coalesce(string_agg(c.relname || c.relkind::text || coalesce(i.indisvalid::text, ''), ' ' " +
			"ORDER BY c.relname), '') FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid " +
			"WHERE relnamespace = 'public'::regnamespace",
		"SELECT coalesce(string_agg(release, ' ' ORDER BY release), '') FROM passes",
		"SELECT coalesce(string_agg(a::text, ' ' ORDER BY a::text), '') FROM fairlead.applied a",
		"SELECT coalesce(string_agg(f::text, ' ' ORDER BY f::text), '') FROM fairlead.fence f",
	} {
		fmt.Fprintln(&b, s.value(sql))
	}
	return b.String()
}
