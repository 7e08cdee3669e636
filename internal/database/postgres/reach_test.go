//go:build real

package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/agent/agenttest"
	"fairlead/internal/apply"
	"fairlead/internal/database/reach"
	"fairlead/internal/host"
)

// standing is a host that stands for a real one: ssh is a program of the test that runs a shell here.
var standing struct {
	sync.Mutex
	through *reach.Through
	pid     string // file with the number of the process that is the connection
	count   string // file with a line per connection
}

func throughHost(t *testing.T) *reach.Through {
	t.Helper()
	standing.Lock()
	defer standing.Unlock()
	if standing.through != nil {
		return standing.through
	}
	dir := filepath.Join(server.Dir, "host")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	standing.pid, standing.count = filepath.Join(dir, "pid"), filepath.Join(dir, "count")
	script := fmt.Sprintf("#!/bin/sh\nfor c; do :; done\necho $$ >%s\necho >>%s\nexec sh -c \"$c\"\n", standing.pid, standing.count)
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	standing.through = &reach.Through{Host: host.New(host.Options{Address: host.Address{User: "deploy", Host: "dbhost"}, SSH: host.SSH{Program: filepath.Join(dir, "ssh")},
		Agents: agenttest.In(t, dir, agenttest.Self(t)), AgentDirectory: filepath.Join(dir, "agents")})}
	return standing.through
}

// cutHost ends the connection to the host at once.
func cutHost(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile(standing.pid)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func viaSSH(c *Config) { c.Via = ViaSSH }

func TestVia_a_host_a_dump_is_taken_and_verified_over_one_connection(t *testing.T) {
	url := fresh(t)
	admin(t, url, "CREATE TABLE big AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 200000) g")
	d := opened(t, url, viaSSH)
	f, err := d.Preflight(t.Context())
	if err != nil || len(f.Problems) > 0 {
		t.Fatal(f.Problems, err)
	}
	before := throughHost(t).Host.Traffic().Connections // tests before this one may have cut theirs
	var archive bytes.Buffer
	dump, err := d.Dump(t.Context(), &archive)
	if err != nil {
		t.Fatal(err)
	}
	if dump.Tables["public.big"] != 200000 {
		t.Errorf("%v", dump.Tables)
	}
	if err := d.Verify(t.Context(), &archive, dump); err != nil {
		t.Error(err)
	}
	if n := throughHost(t).Host.Traffic().Connections; n != before {
		t.Errorf("%d connections to the host more, want none", n-before)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), hiddenPrefix+strconv.Itoa(os.Getpid())+"-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// cutting cuts the connection to the host at the first byte, once.
type cutting struct {
	t    *testing.T
	done bool
}

func (c *cutting) Write(p []byte) (int, error) {
	if !c.done {
		c.done = true
		cutHost(c.t)
	}
	return len(p), nil
}

func TestVia_a_cut_in_the_middle_of_a_dump_is_an_error_and_leaves_nothing(t *testing.T) {
	url := fresh(t)
	admin(t, url, "CREATE TABLE big AS SELECT g AS id, md5(g::text) || md5((g+1)::text) || random() AS word FROM generate_series(1, 300000) g")
	d := opened(t, url, viaSSH)
	began := time.Now()
	if _, err := d.Dump(t.Context(), &cutting{t: t}); err == nil {
		t.Error("half a dump was taken for a whole one")
	} else {
		t.Log(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	if _, err := d.Identity(t.Context()); err != nil {
		t.Errorf("the next question: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), hiddenPrefix+strconv.Itoa(os.Getpid())+"-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestVia_a_cut_in_the_middle_of_a_statement_is_lost_and_decided_over_a_new_connection(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want apply.State
	}{
		"in a transaction":    {addRow + "SELECT pg_sleep(s) FROM nap;", apply.NotApplied},
		"outside transaction": {addRow + "VACUUM (ANALYZE) public.effect;", apply.Applied},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			direct := table(t)
			d, j := opened(t, direct, viaSSH), jobOf(t, c.sql)
			if c.want == apply.NotApplied {
				go func() {
					for range 200 {
						if ask[int](t, direct, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%FROM nap%' AND pid <> pg_backend_pid() AND state = 'active'") > 0 {
							cutHost(t)
							return
						}
						time.Sleep(20 * time.Millisecond)
					}
				}()
			}
			_, err := apply.Run(t.Context(), d, d, j.Job)
			if c.want == apply.Applied {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var f *apply.Failure
			if !errors.As(err, &f) || !errors.Is(err, apply.ErrLost) {
				t.Fatalf("a cut gives %v, want ErrLost", err)
			}
			decided(t, d, j, apply.NotApplied)
			unchanged(t, direct)
			admin(t, direct, "UPDATE nap SET s = 0")
			if r := applied(t, d, j); r.Here != 1 || effects(t, direct) != 1 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestVia_a_COMMIT_whose_answer_is_lost_with_the_host_is_decided(t *testing.T) {
	for i := range 5 {
		direct := table(t)
		d, j := opened(t, direct, viaSSH), jobOf(t, addRow+"SELECT pg_sleep(0.3);")
		go func() { time.Sleep(time.Duration(250+40*i) * time.Millisecond); cutHost(t) }()
		_, err := apply.Run(t.Context(), d, d, j.Job)
		n := effects(t, direct)
		if err == nil {
			continue // it was over before
		}
		v, err := apply.Decide(t.Context(), d, d, j.Job)
		if n = effects(t, direct); err != nil || (v.State == apply.Applied) != (n == 1) || v.State == apply.Unknown {
			t.Errorf("cut %d: %d effects, %+v, %v", i, n, v, err)
		}
		if r := applied(t, d, j); effects(t, direct) != 1 {
			t.Errorf("cut %d: %+v, %d effects", i, r, effects(t, direct))
		}
	}
}
