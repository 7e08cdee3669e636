//go:build postgres

package applier

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqltext"
)

// newer is SQL that this server takes and the parser here does not know.
func newer(t *testing.T, url string) string {
	t.Helper()
	if v := servertest.Ask[int](t, url, "SELECT current_setting('server_version_num')::int"); v >= 180000 {
		return "ALTER TABLE public.effect ADD CONSTRAINT full_rows NOT NULL n NOT VALID"
	}
	return "SELECT " + strings.Repeat("(", sqltext.MaxDepth+1) + "1" + strings.Repeat(")", sqltext.MaxDepth+1)
}

func whole(t *testing.T, sql string) *servertest.Job {
	t.Helper()
	script, taken, err := sqltext.ParseOrWhole([]byte(sql))
	if err != nil || !taken {
		t.Fatalf("taken whole %v, error %v", taken, err)
	}
	return servertest.NewJob(script)
}

func TestRun_sends_a_file_whole_that_the_parser_does_not_know(t *testing.T) {
	for _, marker := range []string{"schema", "none"} {
		url := servertest.Table(t)
		d := opened(t, url, func(c *server.Config) { c.Marker = marker })
		j := whole(t, "\ufeff-- from a newer server\n"+servertest.AddRow+newer(t, url)+";\n"+servertest.AddRow+
			" -- end")
		if r := servertest.Applied(t, d, j); r.Here != 1 {
			t.Errorf("the run gives %+v", r)
		}
		if n := servertest.Effects(t, url); n != 2 {
			t.Errorf("marker %s: the effect is in place %d times, want 2", marker, n)
		}
		servertest.Decided(t, d, j, apply.Applied)
		if r := servertest.Applied(t, d, j); r.Here != 1 || servertest.Effects(t, url) != 2 {
			t.Errorf("marker %s: the second run gives %+v and %d effects", marker, r, servertest.Effects(t, url))
		}
	}
}

func TestRun_leaves_nothing_of_a_whole_file_that_fails(t *testing.T) {
	url := servertest.Table(t)
	d, j := opened(t, url), whole(t, servertest.AddRow+newer(t, url)+"; SELECT 1/0;")
	_, err := apply.Run(t.Context(), d, d, j.Job)
	var f *apply.Failure
	if !errors.As(err, &f) {
		t.Fatalf("the run gives %v", err)
	}
	servertest.Unchanged(t, url)
	servertest.Decided(t, d, j, apply.NotApplied)
}

// A whole file is looked through for words that end a transaction. These tests go past that, as a text would that hides
// them better.
func TestRun_does_not_know_what_a_whole_file_left_that_ended_its_transaction(t *testing.T) {
	for name, c := range map[string]struct {
		sql     string
		effects int
	}{
		"COMMIT in the middle":         {servertest.AddRow + "COMMIT;" + servertest.AddRow, 2},
		"COMMIT, then an error":        {servertest.AddRow + "COMMIT;" + servertest.AddRow + "SELECT 1/0", 1},
		"COMMIT and a new transaction": {servertest.AddRow + "COMMIT; BEGIN;" + servertest.AddRow, 1},
		"ROLLBACK and another transaction": {servertest.AddRow + "ROLLBACK; BEGIN;" + servertest.AddRow +
			"COMMIT; BEGIN", 1},
		"ROLLBACK, then an error in another": {servertest.AddRow + "ROLLBACK; BEGIN;" + servertest.AddRow +
			"COMMIT; BEGIN; SELECT 1/0", 1},
	} {
		for _, marker := range []string{"schema", "none"} {
			t.Run(name+", marker "+marker, func(t *testing.T) {
				url := servertest.Table(t)
				d := opened(t, url, func(c *server.Config) { c.Marker = marker })
				j := whole(t, servertest.AddRow+newer(t, url)+";")
				st := &j.Units[0].Statements[0]
				st.SQL = c.sql
				_, err := apply.Run(t.Context(), d, d, j.Job)
				if !errors.Is(err, apply.ErrUnknown) || !errors.Is(err, apply.ErrEscaped) {
					t.Fatalf("the run gives %v", err)
				}
				if n := servertest.Effects(t, url); n != c.effects {
					t.Errorf("the effect is in place %d times, want %d", n, c.effects)
				}
				if marker == "schema" && servertest.Ask[int](t, url, "SELECT count(*) FROM fairlead.applied") != 0 {
					t.Error("there is a marker")
				}
				servertest.Decided(t, d, j, apply.Unknown)
				if strings.HasPrefix(c.sql, servertest.AddRow+"COMMIT") {
					// as after a kill
					j.Facts = slices.DeleteFunc(j.Facts, func(f apply.Fact) bool { return f.What == apply.Escaped })
					servertest.Decided(t, d, j, apply.Unknown)
				}
			})
		}
	}
}
