//go:build postgres

package applier

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

// trials is how often each lost COMMIT is tried. FAIRLEAD_TRIALS=50 is the proof, the default a reminder.
func trials(t *testing.T) int {
	t.Helper()
	word := os.Getenv("FAIRLEAD_TRIALS")
	if word == "" {
		return 4
	}
	n, err := strconv.Atoi(word)
	if err != nil || n < 1 {
		t.Fatalf("FAIRLEAD_TRIALS is %q", word)
	}
	return n
}

func TestRun_decides_every_lost_COMMIT(t *testing.T) {
	for _, marker := range []string{"schema", "none"} {
		url := servertest.Table(t)
		ready := opened(t, url, func(c *server.Config) { c.Marker = marker })
		if err := ready.Raise(t.Context(), servertest.Ticket()); err != nil {
			t.Fatal(err)
		}
		serial := 0
		for _, c := range []struct {
			name    string
			what    servertest.Mischief
			applied bool
		}{
			{"reply lost", servertest.LoseReply, true},
			{"COMMIT lost, connection closed", servertest.LoseRequest, false},
			{"COMMIT lost, server hears nothing", servertest.GoSilent, false},
			{"nothing lost", 0, true},
		} {
			n, right, slowest := trials(t), 0, time.Duration(0)
			for range n {
				serial++
				took, ok := trial(t, ready, url, marker, c.what, c.applied, serial)
				slowest = max(slowest, took)
				if ok {
					right++
				}
			}
			t.Logf("marker %-6s %-35s decided rightly %d of %d; slowest decision %s", marker, c.name, right, n,
				slowest.Round(time.Millisecond))
			if right != n {
				t.Errorf("%s: decided rightly %d of %d", c.name, right, n)
			}
		}
	}
}

// trial applies one row through a proxy, then resumes. It tells how long the run took from the break on to a new
// decision, and whether everything that was said was true.
func trial(t *testing.T, ready *Applier, url, marker string, what servertest.Mischief, applied bool, n int) (
	time.Duration, bool) {
	t.Helper()
	j := servertest.JobOf(t, fmt.Sprintf("INSERT INTO public.effect VALUES (%d);", n))
	match := "COMMIT\x00"
	if what == 0 {
		match = "no statement has these words"
	}
	bad, proxy := servertest.Through(t, url, what, match)
	defer proxy.Stop()
	d := opened(t, bad, func(c *server.Config) { c.Marker = marker })
	_, err := apply.Run(t.Context(), raisedAlready{d}, d, j.Job)
	there := func() int { return servertest.Ask[int](t, url, "SELECT count(*) FROM effect WHERE n = $1", n) }
	var f *apply.Failure
	ok := (err == nil) == applied && (applied || errors.As(err, &f)) && there() == map[bool]int{true: 1}[applied]
	began := time.Now()
	v, err := apply.Decide(t.Context(), ready, ready, j.Job)
	took := time.Since(began)
	want := apply.NotApplied
	if applied {
		want = apply.Applied
	}
	ok = ok && err == nil && v.State == want
	r, err := apply.Run(t.Context(), raisedAlready{ready}, ready, j.Job)
	return took, ok && err == nil && r.Here == 1 && there() == 1
}

// queued is how long the blocker holds its lock: the proof takes 12 s.
func queued() time.Duration {
	if os.Getenv("FAIRLEAD_TRIALS") != "" {
		return 12 * time.Second
	}
	return 5 * time.Second
}

func TestRun_stalls_readers_no_longer_than_lock_timeout(t *testing.T) {
	const lockTimeout = 100 * time.Millisecond
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE mine (n int)", "CREATE TABLE theirs (n int)", "CREATE TABLE nobodys (n int)")
	stop := make(chan struct{})
	ours, psqls, calm := read(t, url, "mine", stop), read(t, url, "theirs", stop), read(t, url, "nobodys", stop)
	done := make(chan string, 2)
	for _, name := range []string{"mine", "theirs"} {
		conn := held(t, url, "BEGIN; SELECT * FROM "+name)
		time.AfterFunc(queued(), func() { _ = conn.Close(t.Context()) })
	}
	go func() {
		out, err := exec.Command("psql", url, "-X", "-1", "-v", "ON_ERROR_STOP=1", "-c",
			"ALTER TABLE theirs ADD COLUMN m int").CombinedOutput()
		done <- fmt.Sprintf("psql: %v %s", err, strings.TrimSpace(string(out)))
	}()
	j := servertest.JobOf(t, "ALTER TABLE mine ADD COLUMN m int")
	d := opened(t, url, func(c *server.Config) { c.LockTimeout = lockTimeout })
	began := time.Now()
	_, err := apply.Run(t.Context(), d, d, j.Job)
	if err != nil {
		t.Errorf("the run gives %v", err)
	}
	took := time.Since(began)
	if said := <-done; said != "psql: <nil> ALTER TABLE" {
		t.Error(said)
	}
	close(stop)
	mine, theirs, noise := <-ours, <-psqls, <-calm
	t.Logf("a blocker of %s, readers at 200/s: with fairlead (lock_timeout %s, done after %s) the longest stall is "+
		"%s, with psql %s; on a table that nobody touches %s",
		queued(), lockTimeout, took.Round(time.Millisecond), mine.Round(time.Millisecond),
		theirs.Round(time.Millisecond), noise.Round(time.Millisecond))
	if mine > lockTimeout+max(50*time.Millisecond, noise) { // a busy machine lets readers of all tables wait
		t.Errorf("the longest stall is %s", mine)
	}
	if theirs < queued()/2 {
		t.Errorf("with psql the longest stall is only %s: the blocker did not block", theirs)
	}
}

// read asks 200 times a second until stop, and then gives the longest wait for an answer.
func read(t *testing.T, url, table string, stop chan struct{}) chan time.Duration {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan time.Duration, 1)
	go func() {
		longest := time.Duration(0)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				_ = conn.Close(t.Context())
				result <- longest
				return
			case <-tick.C:
			}
			began := time.Now()
			if _, err := conn.Exec(t.Context(), "SELECT count(*) FROM "+table); err != nil {
				t.Error(err)
			}
			longest = max(longest, time.Since(began))
		}
	}()
	return result
}
