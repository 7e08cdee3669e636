//go:build real

package postgres

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/config"
	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

// The faults of an apply, each a test on a real server with real processes:
//
//	 9  the file changed after it was planned                TestFault09_…
//	10  the URL leads to another server                      TestFault10_…
//	11  a pooler in transaction mode                         TestFault11_…
//	12  a second runner                                      TestFault12_…
//	13  a statement fails in a transaction                   TestFault13_…
//	14  a lock is not had eight times; a deadlock            TestFault14_…
//	15  kill -9 of the operator in a statement               TestFault15_…
//	16  kill -9 between COMMIT and its answer                TestFault16_…
//	17  COMMIT lost, the server hears nothing                TestFault17_…
//	18  the server restarts in the middle                    TestFault18_…
//	19  the same in CREATE INDEX CONCURRENTLY                TestFault19_…
//	20  kill -9 of the operator in CREATE INDEX CONCURRENTLY TestFault20_…
//	21  an index of that name is there before                TestFault21_…
//	22  IF NOT EXISTS over an invalid index                  TestFault22_…
//	23  COMMIT, ROLLBACK, \q, \unset, COPY in the script     TestFault23_…
//	24  byte order mark, CRLF, no last semicolon, comments   TestFault24_…
//	25  a failover                                           TestFault25_…
//	28  the connection that holds the lock is cut            TestFault28_…
//
// The lost COMMITs are counted in trial_test.go.

// childVar makes the test program an operator that applies what it is told on its standard input.
const childVar = "FAIRLEAD_TEST_OPERATOR"

// errand is what such an operator is told.
type errand struct {
	URL, SQL, Notes string // Notes is the file that it notes its attempts in
	Marker          string
}

// operate is the main function of the operator.
func operate() int {
	var o errand
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		fmt.Println(err)
		return 1
	}
	d, err := Open(Config{URL: config.NewSecret(o.URL), Marker: o.Marker}, Session{App: "shop", Environment: "production", Run: "r-one"})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	script, _, err := sqltext.ParseOrWhole([]byte(o.SQL))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	notes, err := os.OpenFile(o.Notes, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	j := newJob(script)
	j.Note = func(_ context.Context, f apply.Fact) error {
		if err := json.NewEncoder(notes).Encode(f); err != nil {
			return err
		}
		return notes.Sync()
	}
	j.Say = func(_, _ int, text string) { fmt.Println(text) }
	r, err := apply.Run(context.Background(), raisedAlready{d}, d, j.Job)
	fmt.Printf("ended: %+v, %v\n", r, err)
	return 0
}

// operator is such a process.
type operator struct {
	cmd   *exec.Cmd
	said  chan string
	notes string
}

// hire starts an operator on a database that it has raised its number in.
func hire(t *testing.T, direct, url, sql string, change ...func(*errand)) *operator {
	t.Helper()
	o := errand{URL: url, SQL: sql, Notes: filepath.Join(t.TempDir(), "notes")}
	for _, f := range change {
		f(&o)
	}
	if o.Marker != "none" {
		if err := opened(t, direct).Raise(t.Context(), ticket()); err != nil {
			t.Fatal(err)
		}
	}
	told, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	p := &operator{cmd: exec.Command(os.Args[0]), said: make(chan string, 100), notes: o.Notes}
	p.cmd.Env = append(os.Environ(), childVar+"=1")
	p.cmd.Stdin = strings.NewReader(string(told))
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	go p.hear(out)
	return p
}

func (p *operator) hear(out io.Reader) {
	defer close(p.said)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		p.said <- lines.Text()
	}
}

// kill is kill -9, and waits until it is gone.
func (p *operator) kill() {
	_ = p.cmd.Process.Kill()
	for range p.said {
	}
	_ = p.cmd.Wait()
}

// until waits for a line that holds the words.
func (p *operator) until(t *testing.T, words string) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-p.said:
			if !ok {
				t.Fatalf("the operator ended before it said %q", words)
			}
			if strings.Contains(line, words) {
				return
			}
			if strings.HasPrefix(line, "ended") {
				t.Fatalf("the operator says: %s", line)
			}
		case <-limit:
			t.Fatalf("the operator never said %q", words)
		}
	}
}

// facts gives what the operator has noted.
func (p *operator) facts(t *testing.T) []apply.Fact {
	t.Helper()
	b, err := os.ReadFile(p.notes)
	if err != nil {
		t.Fatal(err)
	}
	var all []apply.Fact
	for d := json.NewDecoder(strings.NewReader(string(b))); ; {
		var f apply.Fact
		if err := d.Decode(&f); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
}

func ticket() fence.Ticket {
	return fence.Ticket{App: "shop", Environment: "production", Ledger: "ledger-a", Run: "r-one", Number: 1, Holder: "tester"}
}

// newJob is one migration, which remembers what it notes and says.
func newJob(script sqltext.Script) *job {
	j := &job{}
	j.Job = apply.Job{
		Key:    apply.Key{App: "shop", Environment: "production", Migration: script.SHA256},
		Ticket: ticket(), Units: script.Units, Clock: wallClock{},
		Note: func(_ context.Context, f apply.Fact) error { j.Facts = append(j.Facts, f); return nil },
		Say:  func(_, _ int, text string) { j.said = append(j.said, text) },
	}
	return j
}

// hurried does not wait between attempts.
type hurried struct{ wallClock }

func (hurried) Sleep(ctx context.Context, _ time.Duration) error { return pause(ctx, time.Millisecond) }

// table is a database with the table effect, and one that says how long the statement "napping" sleeps.
func table(t *testing.T) string {
	t.Helper()
	url := fresh(t)
	admin(t, url, "CREATE TABLE public.effect (n int)", "CREATE TABLE public.nap (s float8)", "INSERT INTO nap VALUES (600)")
	return url
}

const napping = "SELECT pg_sleep(s) FROM public.nap;"

// awake makes the next napping end at once.
func awake(t *testing.T, url string) { admin(t, url, "UPDATE public.nap SET s = 0") }

// asleep waits until somebody executes the statement.
func asleep(t *testing.T, url, words string) int {
	t.Helper()
	for range 400 {
		pid := ask[int](t, url, "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1 AND datname = current_database() AND pid <> pg_backend_pid()", "%"+words+"%")
		if pid != 0 {
			return pid
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("nobody executes %q", words)
	return 0
}

// decided gives the verdict on a job and how long it took.
func decided(t *testing.T, d *Database, j *job, want apply.State) time.Duration {
	t.Helper()
	began := time.Now()
	v, err := apply.Decide(t.Context(), d, d, j.Job)
	took := time.Since(began)
	if err != nil || v.State != want {
		t.Fatalf("decided %s (%s), error %v; want %s", v.State, v.Why, err, want)
	}
	t.Logf("decided %s in %s: %s", v.State, took.Round(time.Millisecond), v.Why)
	return took
}

// applied runs the job to its end.
func applied(t *testing.T, d *Database, j *job) apply.Result {
	t.Helper()
	r, err := apply.Run(t.Context(), d, d, j.Job)
	if err != nil || r.Applied != len(j.Units) {
		t.Fatalf("the run gives %+v, error %v", r, err)
	}
	return r
}

// unchanged proves that nothing of a job is in place.
func unchanged(t *testing.T, url string) {
	t.Helper()
	if n := effects(t, url); n != 0 {
		t.Errorf("the effect is in place %d times, want 0", n)
	}
	if ask[bool](t, url, "SELECT to_regclass('fairlead.applied') IS NOT NULL") {
		if n := ask[int](t, url, "SELECT count(*) FROM fairlead.applied"); n != 0 {
			t.Errorf("there are %d markers, want 0", n)
		}
	}
}
