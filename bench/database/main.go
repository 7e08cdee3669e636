// Command database measures an apply beside `psql -1`: 1,000 short statements in one transaction, in turn, on a server
// of its own, and the decision after a crash. fairlead's side is everything that an apply does: the parse, the takeover
// number, the question what is in place, notes that are flushed to disk, markers. It prints a Markdown table of ratios.
// FAIRLEAD_TURNS is how often each runs (7).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/config"
	"fairlead/internal/database/postgres"
	"fairlead/internal/database/postgrestest"
	"fairlead/internal/fence"
	"fairlead/internal/sqltext"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	turns := 7
	if n, err := strconv.Atoi(os.Getenv("FAIRLEAD_TURNS")); err == nil && n > 0 {
		turns = n
	}
	if err := measure(ctx, turns); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, turns int) error {
	dir, err := os.MkdirTemp("", "fairlead-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := postgrestest.Start(postgrestest.Options{Database: "bench", Flush: true,
		Settings: []string{"log_min_messages=fatal"}})
	if err != nil {
		return err
	}
	defer s.Stop()
	var psql, ours, decisions []time.Duration
	for n := range turns {
		b := &bench{url: s.URL("owner", "bench"), dir: dir, turn: n}
		if err := b.reset(ctx); err != nil {
			return err
		}
		took, err := b.psql(ctx)
		if err != nil {
			return err
		}
		psql = append(psql, took)
		if took, err = b.apply(ctx); err != nil {
			return err
		}
		ours = append(ours, took)
		if took, err = b.decide(ctx); err != nil {
			return err
		}
		decisions = append(decisions, took)
	}
	fmt.Printf("| median of %d | `psql -1` | fairlead | ratio |\n|---|---|---|---|\n", turns)
	fmt.Printf("| 1,000 short statements in one transaction | %d ms | %d ms | %.2f |\n", median(psql).Milliseconds(),
		median(ours).Milliseconds(),
		float64(median(ours))/float64(median(psql)))
	fmt.Printf("| decision after a crash, the old session still at work (slowest %d ms) | – | %d ms | |\n",
		slices.Max(decisions).Milliseconds(), median(decisions).Milliseconds())
	return nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// bench is one turn.
type bench struct {
	url, dir string
	turn     int
}

// script makes the 1,000 statements: small tables, columns, indexes and rows, as migrations have them.
func (b *bench) script(who string) string {
	var sql strings.Builder
	for n := range 100 {
		t := fmt.Sprintf("%s_%d_%d", who, b.turn, n)
		fmt.Fprintf(&sql, "CREATE TABLE %s (id int PRIMARY KEY, note text);\n"+
			"ALTER TABLE %s ADD COLUMN state text NOT NULL DEFAULT 'new';\nCREATE INDEX ON %s (state);\n", t, t, t)
		for row := range 7 {
			fmt.Fprintf(&sql, "INSERT INTO %s (id, note) VALUES (%d, 'row %d of a table');\n", t, row, row)
		}
	}
	return sql.String()
}

func (b *bench) reset(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, b.url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CHECKPOINT")
	return err
}

func (b *bench) psql(ctx context.Context) (time.Duration, error) {
	file := filepath.Join(b.dir, "migration.sql")
	if err := os.WriteFile(file, []byte(b.script("theirs")), 0o600); err != nil {
		return 0, err
	}
	began := time.Now()
	out, err := exec.CommandContext(ctx, "psql", b.url, "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f",
		file).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("psql: %w: %s", err, out)
	}
	return time.Since(began), nil
}

func (b *bench) apply(ctx context.Context) (time.Duration, error) {
	sql := []byte(b.script("ours"))
	began := time.Now()
	d, j, err := b.job(sql)
	if err != nil {
		return 0, err
	}
	_, err = apply.Run(ctx, d, d, j)
	return time.Since(began), err
}

func (b *bench) job(sql []byte) (*postgres.Database, apply.Job, error) {
	script, err := sqltext.Parse(sql)
	if err != nil {
		return nil, apply.Job{}, err
	}
	run := fmt.Sprintf("r-%d", b.turn)
	d, err := postgres.Open(postgres.Config{URL: config.NewSecret(b.url)},
		postgres.Session{App: "shop", Environment: "bench", Run: run})
	return d, apply.Job{
		Key: apply.Key{App: "shop", Environment: "bench", Migration: script.SHA256},
		Ticket: fence.Ticket{App: "shop", Environment: "bench", Ledger: "bench", Run: run, Number: int64(b.turn) + 1,
			Holder: "bench"},
		Units: script.Units, Clock: clock{}, Note: b.note, Say: func(int, int, string) {},
	}, err
}

// note writes a fact as the ledger does: one line, flushed to disk.
func (b *bench) note(_ context.Context, f apply.Fact) error {
	file, err := os.OpenFile(filepath.Join(b.dir, "notes"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := json.NewEncoder(file).Encode(f); err != nil {
		return err
	}
	return file.Sync()
}

// decide leaves a transaction behind in the middle of a statement, and asks what became of it.
func (b *bench) decide(ctx context.Context) (time.Duration, error) {
	d, j, err := b.job(fmt.Appendf(nil, "SELECT pg_sleep(60), %d;", b.turn))
	if err != nil {
		return 0, err
	}
	tx, err := d.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	a, err := tx.Attempt(ctx)
	if err != nil {
		return 0, err
	}
	result := make(chan error, 1)
	go func() { result <- tx.Exec(ctx, apply.Query{SQL: j.Units[0].Statements[0].SQL}) }()
	time.Sleep(200 * time.Millisecond)
	j.Facts = []apply.Fact{{What: apply.Attempted, Attempt: a}}
	began := time.Now()
	v, err := apply.Decide(ctx, d, d, j)
	took := time.Since(began)
	if err == nil && v.State != apply.NotApplied {
		err = fmt.Errorf("decided %s: %s", v.State, v.Why)
	}
	<-result
	return took, err
}

type clock struct{}

func (clock) Now() time.Time  { return time.Now() }
func (clock) Jitter() float64 { return 0.5 }
func (clock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
