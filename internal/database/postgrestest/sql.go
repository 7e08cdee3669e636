package postgrestest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Exec runs statements in a session of its own, beside the code under test.
func Exec(t testing.TB, url string, statements ...string) {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(context.Background())
	for _, sql := range statements {
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// Ask gives the one value that a question has as its answer.
func Ask[T any](t testing.TB, url, sql string, args ...any) T {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(context.Background())
	var v T
	if err := conn.QueryRow(context.Background(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
