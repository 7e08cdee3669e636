//go:build postgres

package applier

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
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqltext"
)

// raisedAlready leaves the raising out, so that the proxy's first COMMIT is the unit's.
type raisedAlready struct{ *Applier }

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

// Operate is the main function of the operator.
func operate() int {
	var o errand
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		fmt.Println(err)
		return 1
	}
	on, err := server.Open(server.Config{URL: config.NewSecret(o.URL), Marker: o.Marker}, server.Session{App: "shop",
		Environment: "production", Run: "r-one"})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	d := New(on)
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
	j := servertest.NewJob(script)
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
		if err := opened(t, direct).Raise(t.Context(), servertest.Ticket()); err != nil {
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

// hurried does not wait between attempts.
type hurried struct{ servertest.WallClock }

func (hurried) Sleep(ctx context.Context, _ time.Duration) error {
	return server.Sleep(ctx, time.Millisecond)
}

// awake makes the next napping end at once.
func awake(t *testing.T, url string) { servertest.Admin(t, url, "UPDATE public.nap SET s = 0") }

// asleep waits until somebody executes the statement.
func asleep(t *testing.T, url, words string) int {
	t.Helper()
	for range 400 {
		pid := servertest.Ask[int](t, url, "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE state = "+
			"'active' AND query LIKE $1 AND datname = current_database() AND pid <> pg_backend_pid()", "%"+words+"%")
		if pid != 0 {
			return pid
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("nobody executes %q", words)
	return 0
}
