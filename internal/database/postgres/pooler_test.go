//go:build real

package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/database/postgrestest"
)

// pooled starts Debian's PgBouncer in front of the server and gives the URL that leads through it.
func pooled(t *testing.T, direct, mode string) string {
	t.Helper()
	program := "/usr/sbin/pgbouncer"
	if found, err := exec.LookPath("pgbouncer"); err == nil {
		program = found
	}
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	port, err := postgrestest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(server.Dir, "bouncer-")
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	text := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = plain\nauth_file = %s/users\npool_mode = %s\n",
		server.Port, port, dir, mode)
	for name, content := range map[string]string{"ini": text, "users": fmt.Sprintf("%q \"%s\"\n", u.User.Username(), password)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, filepath.Join(dir, "ini"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: server.Who}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	u.Host = fmt.Sprintf("127.0.0.1:%d", port)
	for range 100 {
		c, err := net.Dial("tcp", u.Host)
		if err == nil {
			c.Close()
			return u.String()
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("PgBouncer does not answer: %s", said.String())
	return ""
}

func TestPooler_in_transaction_mode_is_refused_in_words_of_three_parts_and_nothing_changes(t *testing.T) {
	direct := table(t)
	through := pooled(t, direct, "transaction")
	for name, call := range map[string]func(*Database) error{
		"Preflight": func(d *Database) error { _, err := d.Preflight(t.Context()); return err },
		"Begin":     func(d *Database) error { _, err := d.Begin(t.Context()); return err },
		"Dump":      func(d *Database) error { _, err := d.Dump(t.Context(), os.Stderr); return err },
		"a run": func(d *Database) error {
			_, err := apply.Run(t.Context(), d, d, jobOf(t, addRow).Job)
			var f *apply.Failure
			if !errors.As(err, &f) {
				t.Errorf("a run gives %T", err)
			}
			return err
		},
	} {
		err := call(opened(t, through))
		if !errors.Is(err, database.ErrPooler) || !strings.Contains(err.Error(), "announced") || !strings.Contains(err.Error(), "name the server itself") {
			t.Errorf("%s gives %v, want ErrPooler", name, err)
		}
	}
	unchanged(t, direct)
	if n := ask[int](t, direct, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"); n != 0 {
		t.Errorf("%d advisory locks are left behind", n)
	}
}

func TestPooler_in_session_mode_takes_a_whole_release(t *testing.T) {
	direct := table(t)
	d := opened(t, pooled(t, direct, "session"))
	f, err := d.Preflight(t.Context())
	if err != nil || len(f.Problems) > 0 || !slices.ContainsFunc(f.Notes, func(n string) bool { return strings.Contains(n, "session mode") }) {
		t.Fatalf("%q, %q, %v", f.Problems, f.Notes, err)
	}
	var archive strings.Builder
	dump, err := d.Dump(t.Context(), &archive)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Verify(t.Context(), strings.NewReader(archive.String()), dump); err != nil {
		t.Error(err)
	}
	job := jobOf(t, addRow+"CREATE INDEX CONCURRENTLY effect_n ON public.effect (n);")
	if r := applied(t, d, job); r.Here != 2 {
		t.Errorf("%+v", r)
	}
	if n := effects(t, direct); n != 1 {
		t.Errorf("the effect is in place %d times", n)
	}
}

// A pooler may pass the server's own number on; then only the second look finds it.
func TestPooler_that_passes_the_number_on_is_found_by_the_second_look(t *testing.T) {
	direct := table(t)
	for mode, want := range map[string]bool{"transaction": true, "session": false} {
		u := pooled(t, direct, mode)
		connect := func() *pgx.Conn {
			c, err := pgx.ParseConfig(u)
			if err != nil {
				t.Fatal(err)
			}
			c.DefaultQueryExecMode = pgx.QueryExecModeExec
			conn, err := pgx.ConnectConfig(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		for round := range 20 {
			one, others := connect(), []*pgx.Conn{connect(), connect()}
			err := staysOn(t.Context(), one, others)
			for _, c := range append(others, one) {
				c.Close(context.Background())
			}
			if errors.Is(err, database.ErrPooler) != want || err != nil && !want {
				t.Errorf("%s mode, round %d: %v", mode, round, err)
			}
		}
	}
}

// A relay in front of the server that only renames the number keeps one process for a session, and that is what counts.
func TestPooler_a_relay_that_keeps_the_session_passes(t *testing.T) {
	direct := table(t)
	u, _ := through(t, direct, liePID, "")
	if r := applied(t, opened(t, u), jobOf(t, addRow)); r.Here != 1 || effects(t, direct) != 1 {
		t.Errorf("%+v", r)
	}
}
