//go:build postgres

package postgres

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

func TestVia_a_host_a_dump_is_taken_and_verified_over_one_connection(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE big AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, "+
		"200000) g")
	d := opened(t, url, servertest.ViaSSH)
	f, err := d.Preflight(t.Context())
	if err != nil || len(f.Problems) > 0 {
		t.Fatal(f.Problems, err)
	}
	before := servertest.ThroughHost(t).Host.Traffic().Connections // tests before this one may have cut theirs
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
	if n := servertest.ThroughHost(t).Host.Traffic().Connections; n != before {
		t.Errorf("%d connections to the host more, want none", n-before)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), server.HiddenPrefix+strconv.Itoa(os.Getpid())+"-*")); len(
		left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestVia_a_cut_in_the_middle_of_a_dump_is_an_error_and_leaves_nothing(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE big AS SELECT g AS id, md5(g::text) || md5((g+1)::text) || random() AS "+
		"word FROM generate_series(1, 300000) g")
	d := opened(t, url, servertest.ViaSSH)
	began := time.Now()
	if _, err := d.Dump(t.Context(), &servertest.Cutting{T: t}); err == nil {
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
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), server.HiddenPrefix+strconv.Itoa(os.Getpid())+"-*")); len(
		left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestVia_a_cut_in_the_middle_of_a_statement_is_lost_and_decided_over_a_new_connection(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want apply.State
	}{
		"in a transaction":    {servertest.AddRow + "SELECT pg_sleep(s) FROM nap;", apply.NotApplied},
		"outside transaction": {servertest.AddRow + "VACUUM (ANALYZE) public.effect;", apply.Applied},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			direct := servertest.Table(t)
			d, j := opened(t, direct, servertest.ViaSSH), servertest.JobOf(t, c.sql)
			if c.want == apply.NotApplied {
				go func() {
					for range 200 {
						if servertest.Ask[int](t, direct, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE "+
							"'%FROM nap%' AND pid <> pg_backend_pid() AND state = 'active'") > 0 {
							servertest.CutHost(t)
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
			servertest.Decided(t, d, j, apply.NotApplied)
			servertest.Unchanged(t, direct)
			servertest.Admin(t, direct, "UPDATE nap SET s = 0")
			if r := servertest.Applied(t, d, j); r.Here != 1 || servertest.Effects(t, direct) != 1 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestVia_a_COMMIT_whose_answer_is_lost_with_the_host_is_decided(t *testing.T) {
	for i := range 5 {
		direct := servertest.Table(t)
		d, j := opened(t, direct, servertest.ViaSSH), servertest.JobOf(t, servertest.AddRow+"SELECT pg_sleep(0.3);")
		go func() { time.Sleep(time.Duration(250+40*i) * time.Millisecond); servertest.CutHost(t) }()
		_, err := apply.Run(t.Context(), d, d, j.Job)
		if err == nil {
			continue // it was over before
		}
		v, err := apply.Decide(t.Context(), d, d, j.Job)
		n := servertest.Effects(t, direct)
		if err != nil || (v.State == apply.Applied) != (n == 1) ||
			v.State == apply.Unknown {
			t.Errorf("cut %d: %d effects, %+v, %v", i, n, v, err)
		}
		if r := servertest.Applied(t, d, j); servertest.Effects(t, direct) != 1 {
			t.Errorf("cut %d: %+v, %d effects", i, r, servertest.Effects(t, direct))
		}
	}
}
