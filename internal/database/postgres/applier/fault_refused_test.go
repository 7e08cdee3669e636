//go:build postgres

package applier

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

func TestFault09_a_file_that_changed_after_it_was_planned_is_not_applied(t *testing.T) {
	url := servertest.Table(t)
	script, err := sqltext.Parse([]byte(servertest.AddRow))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(script)
	if err != nil {
		t.Fatal(err)
	}
	var again sqltext.Script
	if err := json.Unmarshal(stored, &again); err != nil {
		t.Fatal(err)
	}
	if err := again.Attach([]byte(strings.Replace(servertest.AddRow, "1", "2", 1))); !errors.Is(err,
		sqltext.ErrOtherText) {
		t.Fatalf("other text gives %v, want ErrOtherText", err)
	}
	// Were the units changed all the same, the markers name other SQL.
	d, j := opened(t, url), servertest.JobOf(t, servertest.AddRow)
	servertest.Applied(t, d, j)
	j.Units[0].SHA256 = strings.Repeat("0", 64)
	if _, err := apply.Run(t.Context(), d, d, j.Job); !errors.Is(err, apply.ErrUnknown) {
		t.Errorf("changed units give %v, want ErrUnknown", err)
	}
	if n := servertest.Effects(t, url); n != 1 {
		t.Errorf("the effect is in place %d times", n)
	}
}

func TestFault10_another_server_than_the_one_that_was_backed_up_is_left_alone(t *testing.T) {
	url := servertest.Table(t)
	d, j := opened(t, url), servertest.JobOf(t, servertest.AddRow)
	id, err := d.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*apply.Identity){
		"another system":   func(i *apply.Identity) { i.System = second(t, url).identity(t).System },
		"another database": func(i *apply.Identity) { i.Database = "elsewhere" },
	} {
		other := id
		change(&other)
		j.Expected = &other
		if _, err := apply.Run(t.Context(), d, d, j.Job); !errors.Is(err, apply.ErrUnknown) ||
			!strings.Contains(err.Error(), "not the one that was backed up") {
			t.Errorf("%s: %v", what, err)
		}
		servertest.Unchanged(t, url)
		if servertest.Ask[bool](t, url, "SELECT to_regnamespace('fairlead') IS NOT NULL") {
			t.Errorf("%s: the schema was created there", what)
		}
	}
}

func TestFault11_a_pooler_in_transaction_mode_is_refused(t *testing.T) {
	direct := servertest.Table(t)
	url := servertest.Pooled(t, direct, "transaction")
	d, j := opened(t, url), servertest.JobOf(t, servertest.AddRow)
	_, err := apply.Run(t.Context(), d, d, j.Job)
	var f *apply.Failure
	if !errors.As(err, &f) || !errors.Is(err, database.ErrPooler) {
		t.Fatalf("through a pooler the run gives %v", err)
	}
	t.Log(err)
	servertest.Unchanged(t, direct)
}

func TestFault12_a_second_runner_changes_nothing_and_names_the_first(t *testing.T) {
	url := servertest.Table(t)
	first, j := opened(t, url), servertest.JobOf(t, servertest.AddRow+servertest.Napping)
	j.Ticket.Number, j.Ticket.Run = 2, "r-first"
	result := make(chan error, 1)
	go func() {
		_, err := apply.Run(t.Context(), first, first, j.Job)
		result <- err
	}()
	pid := asleep(t, url, "FROM public.nap")
	if name := servertest.Ask[string](t, url, "SELECT application_name FROM pg_stat_activity WHERE pid = $1",
		pid); name != "fairlead/r-first" {
		t.Errorf("the server calls the first runner %q", name)
	}
	d, late := opened(t, url), servertest.JobOf(t, servertest.AddRow+servertest.Napping)
	_, err := apply.Run(t.Context(), d, d, late.Job)
	if !errors.Is(err, fence.ErrOvertaken) || !strings.Contains(err.Error(), "r-first") {
		t.Errorf("the second runner, with the smaller number, gets %v", err)
	}
	if again := asleep(t, url, "FROM public.nap"); again != pid {
		t.Errorf("the first runner's session %d became %d", pid, again)
	}
	// One that has the same number and comes past Raise waits for the row no longer than lock_timeout.
	tx, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	began := time.Now()
	err = tx.Hold(t.Context(), j.Ticket)
	if !errors.Is(err, apply.ErrLockTimeout) || !strings.Contains(err.Error(), "fairlead/r-first") {
		t.Errorf("the row gives %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it waited for %s", took)
	}
	t.Log(err)
	servertest.Admin(t, url, "SELECT pg_cancel_backend("+servertest.Ask[string](t, url, "SELECT $1::int::text", pid)+
		")")
	if err := <-result; err == nil || errors.Is(err, apply.ErrUnknown) {
		t.Errorf("the first runner, cancelled, gives %v", err)
	}
	servertest.Unchanged(t, url)
}

func TestFault12_a_second_runner_polls_for_the_lock_outside_transactions(t *testing.T) {
	url := servertest.Table(t)
	d := opened(t, url)
	if err := d.Raise(t.Context(), servertest.Ticket()); err != nil {
		t.Fatal(err)
	}
	first, err := d.NonTransactional(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close(t.Context())
	if err := first.Hold(t.Context(), servertest.Ticket()); err != nil {
		t.Fatal(err)
	}
	second, err := d.NonTransactional(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := second.Hold(ctx, servertest.Ticket()); !errors.Is(err, apply.ErrLockTimeout) ||
		!strings.Contains(err.Error(), "fairlead/r-one") {
		t.Errorf("the second session gets %v", err)
	}
}

func TestFault13_a_statement_that_fails_takes_the_others_with_it(t *testing.T) {
	url := servertest.Table(t)
	d, j := opened(t, url), servertest.JobOf(t, servertest.AddRow+servertest.AddRow+
		"INSERT INTO public.effect SELECT 1/0;"+servertest.AddRow)
	_, err := apply.Run(t.Context(), d, d, j.Job)
	var f *apply.Failure
	if !errors.As(err, &f) || f.Statement == nil || f.Statement.Index != 2 {
		t.Fatalf("the run gives %v", err)
	}
	servertest.Unchanged(t, url)
	if len(j.Facts) != 1 {
		t.Fatalf("the facts are %+v", j.Facts)
	}
	if status := servertest.Ask[string](t, url, "SELECT pg_xact_status($1::text::xid8)",
		j.Facts[0].Attempt.XID); status != "aborted" {
		t.Errorf("the server calls the transaction %s", status)
	}
	servertest.Decided(t, d, j, apply.NotApplied)
}

func TestFault14_after_eight_attempts_for_a_lock_it_stops_and_names_who_is_in_the_way(t *testing.T) {
	url := servertest.Table(t)
	release := servertest.HoldOld(t, url)
	defer release()
	d := opened(t, url, func(c *server.Config) { c.LockTimeout = 200 * time.Millisecond })
	j := servertest.JobOf(t, "ALTER TABLE public.effect ADD COLUMN m int;")
	j.Clock = hurried{}
	_, err := apply.Run(t.Context(), d, d, j.Job)
	var f *apply.Failure
	if !errors.As(err, &f) || !errors.Is(err, apply.ErrLockTimeout) || !strings.Contains(err.Error(),
		"INSERT INTO public.effect VALUES (7)") {
		t.Fatalf("the run gives %v", err)
	}
	t.Log(err)
	if len(j.Facts) != apply.Attempts {
		t.Errorf("there were %d attempts, want %d", len(j.Facts), apply.Attempts)
	}
	if all := strings.Join(j.Said, "\n"); !strings.Contains(all, "attempt 7 of 8") ||
		!strings.Contains(all, "in the way: pid") {
		t.Errorf("the screen showed:\n%s", all)
	}
	servertest.Decided(t, d, j, apply.NotApplied)
}

func TestFault14_a_deadlock_is_tried_again_and_another_error_is_not(t *testing.T) {
	url := servertest.Table(t)
	servertest.Admin(t, url, "INSERT INTO effect VALUES (1)")
	other := held(t, url, "SET deadlock_timeout = '60s'; BEGIN; UPDATE public.nap SET s = 0")
	d, j := opened(t, url, func(c *server.Config) { c.LockTimeout = 5 * time.Second }), servertest.JobOf(t,
		"UPDATE public.effect SET n = n + 1; UPDATE public.nap SET s = s + 1;")
	j.Clock = hurried{}
	closed := make(chan error, 1)
	go func() {
		asleep(t, url, "UPDATE public.nap SET s = s + 1")
		_, err := other.Exec(context.Background(), "UPDATE public.effect SET n = n; COMMIT")
		closed <- err
	}()
	servertest.Applied(t, d, j)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(j.Said, "\n"); len(j.Facts) != 3 || !strings.Contains(all, "40P01") {
		t.Errorf("%d facts; the screen showed:\n%s", len(j.Facts), all)
	}
	if n := servertest.Ask[int](t, url, "SELECT n FROM effect"); n != 2 {
		t.Errorf("the row is %d, want 2", n)
	}
	// 57014 (a person cancelled it) and all others stop at once.
	slow := servertest.JobOf(t, "SET LOCAL statement_timeout = '50ms'; SELECT pg_sleep(5);")
	if _, err := apply.Run(t.Context(), d, d, slow.Job); server.Code(err) != "57014" || len(slow.Facts) != 1 {
		t.Errorf("a cancelled statement gives %v after %d attempts", err, len(slow.Facts))
	}
}

func TestFault23_what_would_make_exactly_once_untrue_is_refused_before_anything_runs(t *testing.T) {
	for name, sql := range map[string]string{
		"a stray COMMIT":            "INSERT INTO effect VALUES (1); COMMIT; INSERT INTO effect VALUES (2);",
		"a stray ROLLBACK":          "INSERT INTO effect VALUES (1); ROLLBACK; INSERT INTO effect VALUES (2);",
		"BEGIN without COMMIT":      "BEGIN; INSERT INTO effect VALUES (1);",
		"COMMIT AND CHAIN":          "BEGIN; INSERT INTO effect VALUES (1); COMMIT AND CHAIN; COMMIT;",
		"a savepoint":               "SAVEPOINT a; INSERT INTO effect VALUES (1); ROLLBACK TO a;",
		"PREPARE TRANSACTION":       "BEGIN; INSERT INTO effect VALUES (1); PREPARE TRANSACTION 'p';",
		`\q`:                        "INSERT INTO effect VALUES (1);\n\\q\nINSERT INTO effect VALUES (2);",
		`\unset ON_ERROR_STOP`:      "\\unset ON_ERROR_STOP\nINSERT INTO effect VALUES (1);",
		`\copy`:                     "\\copy effect FROM 'rows'\n",
		"a variable of psql":        "INSERT INTO effect VALUES (:n);",
		"a quoted variable of psql": "INSERT INTO effect VALUES (:'n');",
		"an index in a block":       "BEGIN; CREATE INDEX CONCURRENTLY i ON effect (n); COMMIT;",
		"DISCARD ALL":               "DISCARD ALL;",
	} {
		if _, _, err := sqltext.ParseOrWhole([]byte(sql)); err == nil {
			t.Errorf("%s is taken, whole or not", name)
		}
		if script, err := sqltext.Parse([]byte(sql)); err == nil || len(script.Units) != 0 {
			t.Errorf("%s is taken", name)
		} else {
			t.Logf("%-26s %v", name, err)
		}
	}
	// Rows behind COPY are read, and not applied.
	url := servertest.Table(t)
	d, j := opened(t, url), servertest.JobOf(t, "COPY public.effect FROM STDIN;\n1\n\\.\n")
	if _, err := apply.Run(t.Context(), d, d, j.Job); err == nil || !strings.Contains(err.Error(),
		"COPY FROM stdin is not applied") {
		t.Errorf("COPY FROM STDIN gives %v", err)
	}
	servertest.Unchanged(t, url)
}

func TestFault24_marks_line_ends_and_missing_semicolons_do_not_matter(t *testing.T) {
	for name, c := range map[string]struct {
		sql   string
		units int
	}{
		"a byte order mark":           {"\ufeffINSERT INTO public.effect VALUES (1);", 1},
		"CRLF":                        {"INSERT INTO public.effect\r\nVALUES (1);\r\n", 1},
		"no last semicolon":           {"INSERT INTO public.effect VALUES (1)", 1},
		"a comment behind, no end":    {"INSERT INTO public.effect VALUES (1) -- so", 1},
		"only comments":               {"-- nothing\n/* at all */\n", 0},
		"nothing":                     {"", 0},
		"only a byte order mark":      {"\ufeff", 0},
		"semicolons without anything": {";;\n;", 0},
	} {
		t.Run(name, func(t *testing.T) {
			url := servertest.Table(t)
			d, j := opened(t, url), servertest.JobOf(t, c.sql)
			if len(j.Units) != c.units {
				t.Fatalf("there are %d units, want %d", len(j.Units), c.units)
			}
			servertest.Applied(t, d, j)
			if n := servertest.Effects(t, url); n != c.units {
				t.Errorf("the effect is in place %d times, want %d", n, c.units)
			}
		})
	}
	// A mark in the middle, as concatenated files have it, is no SQL for the server and none here.
	if _, err := sqltext.Parse([]byte("SELECT 1;\n\ufeffSELECT 2;")); err == nil {
		t.Error("a byte order mark in the middle is taken")
	}
}
