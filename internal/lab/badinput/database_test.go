//go:build real

package badinput

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
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
		{"a database host that has no address", func(a *attempt) { a.database(func(u *url.URL) { u.Host = "no-such-host.invalid" }) }, 3, "database-unready", "no-such-host.invalid"},
		{"nobody listens at the database's port", func(a *attempt) { a.database(func(u *url.URL) { u.Host = "127.0.0.1:1" }) }, 3, "database-unready", "127.0.0.1:1"},
		{"a database that does not exist", func(a *attempt) { a.database(func(u *url.URL) { u.Path = "/nowhere" }) }, 3, "database-unready", "does not exist"},
		{"a URL that is none", func(a *attempt) { a.env = []string{"PROD_DB_URL=postgres://a b:%zz@/x"} }, 1, "database-url", ""},
		{"a role without rights", func(a *attempt) {
			a.admin(`CREATE ROLE guest LOGIN PASSWORD 'guest-secret'`)
			a.Cleanup(func() { a.admin(`DROP ROLE guest`) })
			a.database(func(u *url.URL) { u.User = url.UserPassword("guest", "guest-secret") })
		}, 3, "check-failed", "may not"},
		{"PostgreSQL is stopped", func(a *attempt) { a.away(lab.Postgres) }, 3, "database-unready", ""},
		{"no pg_dump", func(a *attempt) { a.edit("via: direct", "via: direct, pg_dump: /nowhere/pg_dump") }, 3, "database-unready", "/nowhere/pg_dump"},
		{"an older pg_dump", func(a *attempt) {
			for _, name := range []string{"pg_dump", "pg_restore"} {
				must(a.T, os.WriteFile(filepath.Join(a.dir, name), []byte("#!/bin/sh\necho \"$0 (PostgreSQL) 12.4\"\n"), 0o755))
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

// admin runs SQL as the superuser.
func (a *attempt) admin(sql string) {
	a.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conf, err := pgx.ParseConfig(a.site.Lab.DatabaseURL)
	must(a.T, err)
	conf.DialFunc = a.site.Lab.Dial
	c, err := pgx.ConnectConfig(ctx, conf)
	must(a.T, err)
	defer c.Close(ctx)
	_, err = c.Exec(ctx, sql)
	must(a.T, err)
}
