//go:build postgres

package applier

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/apply/applytest"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqltext"
)

func parsed(t *testing.T, sql string) sqltext.Statement {
	t.Helper()
	script, err := sqltext.Parse([]byte(sql))
	if err != nil {
		t.Fatal(err)
	}
	return script.Statements[0]
}

const concurrentIndex = "CREATE INDEX CONCURRENTLY ix_effect ON public.effect (n)"

func TestDatabase_keeps_the_contract_of_apply(t *testing.T) {
	applytest.Exercise(t, func(t *testing.T) applytest.Subject {
		url := servertest.Fresh(t)
		servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
		d := opened(t, url)
		return applytest.Subject{
			Server: d, Recovery: d,
			Effect: "INSERT INTO public.effect VALUES (1)",
			Effects: func(t *testing.T) int {
				return servertest.Ask[int](t, url,
					"SELECT count(*) FROM public.effect")
			},
			Refused: "SELECT nothing FROM nowhere",
			Alone:   parsed(t, concurrentIndex),
			Break:   func(t *testing.T) { killBuild(t, url) },
			Again: func(t *testing.T) applytest.Again {
				again := opened(t, url)
				return applytest.Again{Server: again, Recovery: again}
			},
		}
	})
}

// killBuild ends the backend of a concurrent index build while it waits for an old transaction.
func killBuild(t *testing.T, url string) {
	t.Helper()
	ctx := context.Background()
	old, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close(ctx)
	if _, err := old.Exec(ctx, "BEGIN; INSERT INTO public.effect VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	solo, err := opened(t, url).NonTransactional(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer solo.Close(ctx)
	a, err := solo.Attempt(ctx)
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- solo.Exec(ctx, apply.Query{SQL: concurrentIndex}) }()
	for range 100 {
		if servertest.Ask[int](t, url, "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "+
			"WHERE c.relname = 'ix_effect'") > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := opened(t, url).End(ctx, a); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err == nil || !strings.Contains(err.Error(), "57P01") {
		t.Fatalf("the killed build said %v, want SQLSTATE 57P01", err)
	}
}
