//go:build postgres

package alone

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/database/postgrestest"
)

// shop is a folder with a configuration for migrations alone, and a database.
type shop struct {
	t        *testing.T
	dir, url string
}

// open makes a shop. more is added to the configuration.
func open(t *testing.T, more ...string) *shop {
	t.Helper()
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	s := &shop{t: t, dir: t.TempDir(), url: server.URL("owner", name)}
	postgrestest.Exec(t, server.URL("owner", "postgres"), "CREATE DATABASE "+name)
	t.Cleanup(func() { postgrestest.Exec(t, server.URL("owner", "postgres"), "DROP DATABASE "+name+" WITH (FORCE)") })
	s.write("fairlead.yaml", `app: shop
environment: production
ledger: {kind: dir, path: ledger, durable: true}
database: {url: "${PROD_DB_URL}"}
backup: {store: {kind: dir, path: backups, durable: true}}
`+strings.Join(more, "\n"))
	return s
}

func (s *shop) write(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// said is what a command answered.
type said struct {
	exit     int
	out, err string
}

func (a said) String() string { return fmt.Sprintf("exit %d\n%s%s", a.exit, a.out, a.err) }

// command prepares fairlead in the shop's folder.
func (s *shop) command(args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PROD_DB_URL="+s.url, "XDG_STATE_HOME="+filepath.Join(s.dir, "state"))
	return cmd
}

// killed starts fairlead and kills it when a function, that waits for something in the middle, comes back.
func (s *shop) killed(args []string, middle func(pid int)) {
	s.t.Helper()
	cmd := s.command(args...)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	middle(cmd.Process.Pid)
	if err := cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	_ = cmd.Wait()
}

// dumpSessions and asleep ask how many sessions in the shop's database are pg_dump's, and how many of fairlead's are in
// a DO block.
const (
	dumpSessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_dump%' " +
		"AND datname = current_database()"
	asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO $$ BEGIN PERFORM%' " +
		"AND application_name LIKE 'fairlead/%' AND datname = current_database()"
)

// run runs fairlead to its end.
func (s *shop) run(args ...string) said {
	s.t.Helper()
	var out, stderr bytes.Buffer
	cmd := s.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	a := said{cmd.ProcessState.ExitCode(), out.String(), stderr.String()}
	if strings.Contains(a.out+a.err, "s3cr") {
		s.t.Errorf("fairlead %s: the password is in what it said:\n%s", strings.Join(args, " "), a)
	}
	return a
}

// must runs fairlead and holds the exit status and parts of what it said.
func (s *shop) must(exit int, args []string, parts ...string) said {
	s.t.Helper()
	a := s.run(args...)
	if a.exit != exit {
		s.t.Fatalf("fairlead %s: exit %d, want %d\n%s", strings.Join(args, " "), a.exit, exit, a)
	}
	for _, p := range parts {
		if !strings.Contains(a.out+a.err, p) {
			s.t.Errorf("fairlead %s does not say %q:\n%s", strings.Join(args, " "), p, a)
		}
	}
	return a
}

func words(s string) []string { return strings.Fields(s) }

// sql runs statements beside fairlead.
func (s *shop) sql(statements ...string) { s.t.Helper(); postgrestest.Exec(s.t, s.url, statements...) }

// count asks for a number.
func (s *shop) count(sql string) int { s.t.Helper(); return postgrestest.Ask[int](s.t, s.url, sql) }

// until waits for a number to be what it must be.
func (s *shop) until(want int, sql string) {
	s.t.Helper()
	s.wait(fmt.Sprintf("%s becomes %d", sql, want), func() bool { return s.count(sql) == want })
}

// wait waits for a condition, and fails the test when it does not come true in a minute.
func (s *shop) wait(what string, f func() bool) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited a minute in vain: %s", what)
		}
	}
}
