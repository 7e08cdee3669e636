//go:build real

package badinput

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/lab"
)

func TestBadInput_about_database_and_backup_is_refused_with_nothing_changed(t *testing.T) {
	s := running(t, lab.StackOptions{App: "baddata"}, lab.ConfigOptions{})
	refuse(t, s, lab.ConfigOptions{}, databaseCases())
}

func databaseCases() []refusal {
	return []refusal{
		{"a wrong password", func(a *attempt) {
			a.database(func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wrong") })
		}, 3, "database-unready", "password authentication failed"},
		{"a database host that has no address",
			func(a *attempt) { a.database(func(u *url.URL) { u.Host = "no-such-host.invalid" }) }, 3,
			"database-unready", "no-such-host.invalid"},
		{"nobody listens at the database's port",
			func(a *attempt) { a.database(func(u *url.URL) { u.Host = "127.0.0.1:1" }) }, 3, "database-unready",
			"127.0.0.1:1"},
		{"a database that does not exist", func(a *attempt) { a.database(func(u *url.URL) { u.Path = "/nowhere" }) }, 3,
			"database-unready", "does not exist"},
		{"a URL that is none", func(a *attempt) { a.env = []string{"PROD_DB_URL=postgres://a b:%zz@/x"} }, 1,
			"database-url", ""},
		{"a role without rights", func(a *attempt) {
			a.admin(`CREATE ROLE guest LOGIN PASSWORD 'guest-secret'`)
			a.Cleanup(func() { a.admin(`DROP ROLE guest`) })
			a.database(func(u *url.URL) { u.User = url.UserPassword("guest", "guest-secret") })
		}, 3, "check-failed", "may not"},
		{"an expired password", func(a *attempt) {
			a.admin(`CREATE ROLE late LOGIN PASSWORD 'late-secret' VALID UNTIL '2001-01-01'`)
			a.Cleanup(func() { a.admin(`DROP ROLE late`) })
			a.database(func(u *url.URL) { u.User = url.UserPassword("late", "late-secret") })
		}, 3, "database-unready", "password authentication failed"},
		{"TLS where the server has none", func(a *attempt) {
			a.database(func(u *url.URL) { u.RawQuery = "sslmode=verify-full" })
		}, 3, "database-unready", "TLS"},
		{"a pooler in transaction mode", func(a *attempt) {
			a.database(func(u *url.URL) { u.Host = a.pooler(u, "transaction") })
		}, 3, "database-unready", "connection pooler"},
		{"a role that may read everything and change nothing", func(a *attempt) {
			a.admin(`CREATE ROLE onlooker LOGIN PASSWORD 'onlooker-secret'`, `GRANT pg_read_all_data TO onlooker`)
			a.Cleanup(func() { a.admin(`DROP ROLE onlooker`) })
			a.database(func(u *url.URL) { u.User = url.UserPassword("onlooker", "onlooker-secret") })
		}, 3, "check-failed", "line 1, ALTER TABLE: the role onlooker does not own public.orders"},
		{"a backup URL of another database", func(a *attempt) {
			u, err := url.Parse(a.site.DatabaseURL)
			must(a.T, err)
			u.Path = "/postgres"
			a.env = append(a.env, "DUMP_DB_URL="+u.String())
			a.edit("backup: {store", `backup: {url: "${DUMP_DB_URL}", store`)
		}, 3, "database-unready", "backup.url leads to another database than database.url"},
		{"a backup URL whose role may not read", func(a *attempt) {
			a.admin(`CREATE ROLE blind LOGIN PASSWORD 'blind-secret'`)
			a.Cleanup(func() { a.admin(`DROP ROLE blind`) })
			u, err := url.Parse(a.site.DatabaseURL)
			must(a.T, err)
			u.User = url.UserPassword("blind", "blind-secret")
			a.env = append(a.env, "DUMP_DB_URL="+u.String())
			a.edit("backup: {store", `backup: {url: "${DUMP_DB_URL}", store`)
		}, 3, "database-unready", "backup.url: the role blind may not read"},
		{"PostgreSQL is stopped", func(a *attempt) { a.away(lab.Postgres) }, 3, "database-unready", ""},
		{"no pg_dump", func(a *attempt) { a.edit("via: direct", "via: direct, pg_dump: /nowhere/pg_dump") }, 3,
			"database-unready", "/nowhere/pg_dump"},
		{"an older pg_dump", func(a *attempt) {
			for _, name := range []string{"pg_dump", "pg_restore"} {
				must(a.T, os.WriteFile(filepath.Join(a.dir, name), []byte("#!/bin/sh\necho \"$0 (PostgreSQL) 12.4\"\n"),
					0o755))
			}
			a.edit("via: direct", "via: direct, pg_dump: ./pg_dump")
		}, 3, "database-unready", "12.4"},
	}
}

func TestBadInput_of_the_backup_directory_is_found_before_anything_begins(t *testing.T) {
	s := running(t, lab.StackOptions{App: "badstore"}, lab.ConfigOptions{})
	for name, path := range map[string]string{
		"a disk with too little room":     "./backups, min_free_mb: 99999999",
		"a directory that cannot be made": "/proc/backups",
		"a directory that is a file":      "/etc/hostname",
	} {
		t.Run(name, func(t *testing.T) {
			before := s.print(t)
			got := s.run(t, s.operator(t, lab.ConfigOptions{BackupDir: path}), nil, "deploy", "v1.1.0", "--yes")
			got.judge(t, s, 3, "backup-not-ready")
			if now := s.print(t); now != before {
				t.Errorf("something changed; before:\n%+v\nafter:\n%+v", before, now)
			}
		})
	}
}

// database changes the URL of the database.
func (a *attempt) database(edit func(*url.URL)) {
	a.Helper()
	u, err := url.Parse(a.site.DatabaseURL)
	must(a.T, err)
	edit(u)
	a.env = append(a.env, "PROD_DB_URL="+u.String())
}

// pooler starts Debian's PgBouncer in front of the lab's server and gives its host and port.
func (a *attempt) pooler(u *url.URL, mode string) string {
	a.Helper()
	who, err := user.Lookup("postgres")
	must(a.T, err)
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	dir, err := os.MkdirTemp("", "bouncer-")
	must(a.T, err)
	a.Cleanup(func() { os.RemoveAll(dir) })
	must(a.T, os.Chmod(dir, 0o755))
	password, _ := u.User.Password()
	const at = "127.0.0.1:16432"
	must(a.T, os.WriteFile(filepath.Join(dir, "users"), fmt.Appendf(nil, "%q %q\n", u.User.Username(), password),
		0o644))
	must(a.T, os.WriteFile(filepath.Join(dir, "ini"),
		fmt.Appendf(nil, "[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"+
			"listen_port = 16432\nunix_socket_dir =\n"+
			"auth_type = plain\nauth_file = %s/users\npool_mode = %s\n", u.Hostname(), u.Port(), dir, mode), 0o644))
	program := "/usr/sbin/pgbouncer"
	if found, err := exec.LookPath("pgbouncer"); err == nil {
		program = found
	}
	cmd := exec.Command(program, filepath.Join(dir, "ini"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	must(a.T, cmd.Start())
	a.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", at); err == nil {
			c.Close()
			return at
		}
	}
	a.Fatal("PgBouncer does not answer")
	return ""
}

// admin runs SQL as the superuser.
func (a *attempt) admin(statements ...string) {
	a.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conf, err := pgx.ParseConfig(a.site.Lab.DatabaseURL)
	must(a.T, err)
	conf.DialFunc = a.site.Lab.Dial
	c, err := pgx.ConnectConfig(ctx, conf)
	must(a.T, err)
	defer c.Close(ctx)
	for _, sql := range statements {
		_, err = c.Exec(ctx, sql)
		must(a.T, err)
	}
}
