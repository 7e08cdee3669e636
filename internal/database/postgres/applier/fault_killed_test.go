//go:build postgres

package applier

import (
	"errors"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

// heir is whoever goes on with what the killed operator noted.
func (p *operator) heir(t *testing.T, url, sql, marker string) (*Applier, *servertest.Job) {
	t.Helper()
	j := servertest.JobOf(t, sql)
	j.Facts = p.facts(t)
	return opened(t, url, func(c *server.Config) { c.Marker = marker }), j
}

func decidedAtOnce(t *testing.T, d *Applier, j *servertest.Job, want apply.State) {
	t.Helper()
	if took := servertest.Decided(t, d, j, want); took > time.Second {
		t.Errorf("the decision took %s", took)
	}
}

// resumed runs the job, of one unit, to its end; then its effect is in place so many times.
func resumed(t *testing.T, url string, d *Applier, j *servertest.Job, times int) {
	t.Helper()
	if r := servertest.Applied(t, d, j); r.Here != 1 {
		t.Errorf("the resumed run gives %+v", r)
	}
	if n := servertest.Effects(t, url); n != times {
		t.Errorf("the effect is in place %d times, want %d", n, times)
	}
}

func TestFault15_kill_9_in_a_statement_leaves_nothing_and_is_decided_at_once(t *testing.T) {
	for _, marker := range []string{"schema", "none"} {
		t.Run("marker "+marker, func(t *testing.T) {
			url, sql := servertest.Table(t), servertest.AddRow+servertest.Napping+servertest.AddRow
			p := hire(t, url, url, sql, func(o *errand) { o.Marker = marker })
			asleep(t, url, "FROM public.nap")
			p.kill()
			d, j := p.heir(t, url, sql, marker)
			decidedAtOnce(t, d, j, apply.NotApplied)
			servertest.Unchanged(t, url)
			awake(t, url)
			resumed(t, url, d, j, 2)
		})
	}
}

func TestFault16_kill_9_between_COMMIT_and_its_answer_is_applied_and_not_run_again(t *testing.T) {
	for _, marker := range []string{"schema", "none"} {
		t.Run("marker "+marker, func(t *testing.T) {
			url := servertest.Table(t)
			bad, proxy := servertest.Through(t, url, servertest.LoseReply, "COMMIT\x00")
			p := hire(t, url, bad, servertest.AddRow, func(o *errand) { o.Marker = marker })
			proxy.Await(t)
			p.kill()
			d, j := p.heir(t, url, servertest.AddRow, marker)
			decidedAtOnce(t, d, j, apply.Applied)
			resumed(t, url, d, j, 1)
		})
	}
}

func TestFault17_kill_9_with_COMMIT_lost_and_a_server_that_hears_nothing(t *testing.T) {
	for _, marker := range []string{"schema", "none"} {
		t.Run("marker "+marker, func(t *testing.T) {
			url := servertest.Table(t)
			bad, proxy := servertest.Through(t, url, servertest.Hang, "COMMIT\x00")
			p := hire(t, url, bad, servertest.AddRow, func(o *errand) { o.Marker = marker })
			proxy.Await(t)
			p.kill()
			d, j := p.heir(t, url, servertest.AddRow, marker)
			last := j.Facts[len(j.Facts)-1]
			if last.What != apply.CommitSent {
				t.Fatalf("the last fact is %+v", last)
			}
			if fate, err := d.Fate(t.Context(), last.Attempt); fate != apply.InProgress {
				t.Fatalf("the transaction's fate is %d, error %v; it should be in progress", fate, err)
			}
			decidedAtOnce(t, d, j, apply.NotApplied)
			resumed(t, url, d, j, 1)
		})
	}
}

func TestFault20_kill_9_in_CREATE_INDEX_CONCURRENTLY_lets_the_build_finish(t *testing.T) {
	url := servertest.Table(t)
	release := servertest.HoldOld(t, url)
	p := hire(t, url, url, concurrentIndex)
	p.until(t, "waits for pid")
	p.kill()
	const oid = "SELECT coalesce(max(oid::bigint), 0) FROM pg_class WHERE relname = 'ix_effect'"
	begun := servertest.Ask[int64](t, url, oid)
	d, j := opened(t, url), servertest.JobOf(t, concurrentIndex)
	j.Facts = p.facts(t)
	go func() {
		time.Sleep(500 * time.Millisecond)
		release()
	}()
	servertest.Applied(t, d, j)
	if ended := servertest.Ask[int64](t, url, oid); begun == 0 || ended != begun {
		t.Errorf("the build that was begun (%d) is not the one that stands (%d)", begun, ended)
	}
	if n := valid(t, url, "ix_effect"); n != 1 {
		t.Errorf("there are %d valid indexes", n)
	}
}

func valid(t *testing.T, url, name string) int {
	t.Helper()
	return servertest.Ask[int](t, url, "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "+
		"WHERE c.relname = $1 AND indisvalid", name)
}

func TestFault21_an_index_that_was_there_before_is_not_touched(t *testing.T) {
	for name, there := range map[string]func(t *testing.T, url string){
		"another definition": func(t *testing.T, url string) {
			servertest.Admin(t, url,
				"CREATE INDEX ix_effect ON effect ((n + 1))")
		},
		"invalid": killBuild,
	} {
		t.Run(name, func(t *testing.T) {
			url := servertest.Table(t)
			there(t, url)
			const about = "SELECT oid::bigint FROM pg_class WHERE relname = 'ix_effect'"
			before := servertest.Ask[int64](t, url, about)
			d, j := opened(t, url), servertest.JobOf(t, concurrentIndex)
			_, err := apply.Run(t.Context(), d, d, j.Job)
			if err == nil {
				t.Fatal("the run reports success")
			}
			t.Log(err)
			if after := servertest.Ask[int64](t, url, about); after != before {
				t.Errorf("the index %d became %d", before, after)
			}
		})
	}
}

func TestFault22_IF_NOT_EXISTS_over_an_invalid_index_is_no_success(t *testing.T) {
	url := servertest.Table(t)
	killBuild(t, url)
	const sql = "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_effect ON public.effect (n)"
	servertest.Admin(t, url, sql) // the server's own word: success
	d, j := opened(t, url), servertest.JobOf(t, sql)
	_, err := apply.Run(t.Context(), d, d, j.Job)
	var f *apply.Failure
	if !errors.As(err, &f) {
		t.Fatalf("the run gives %v", err)
	}
	t.Log(err)
	if n := valid(t, url, "ix_effect"); n != 0 {
		t.Errorf("there are %d valid indexes", n)
	}
}

func TestFault28_a_connection_that_is_cut_with_its_lock_leaves_nothing(t *testing.T) {
	for _, marker := range []string{"schema", "none"} {
		t.Run("marker "+marker, func(t *testing.T) {
			url, sql := servertest.Table(t), servertest.AddRow+servertest.Napping+servertest.AddRow
			d, j := opened(t, url, func(c *server.Config) { c.Marker = marker }), servertest.JobOf(t, sql)
			result := make(chan error, 1)
			go func() {
				_, err := apply.Run(t.Context(), d, d, j.Job)
				result <- err
			}()
			pid := asleep(t, url, "FROM public.nap")
			if !servertest.Ask[bool](t, url, "SELECT pg_terminate_backend($1)", pid) {
				t.Fatal("the session was not ended")
			}
			var f *apply.Failure
			if err := <-result; !errors.As(err, &f) || !errors.Is(err, apply.ErrLost) {
				t.Fatalf("the run gives %v", err)
			}
			servertest.Unchanged(t, url)
			servertest.Decided(t, d, j, apply.NotApplied)
		})
	}
}
