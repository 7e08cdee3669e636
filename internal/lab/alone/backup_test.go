//go:build postgres

package alone

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/database/postgrestest"
	"fairlead/internal/lab/smalldisk"
)

const texts = "CREATE TABLE public.texts AS " +
	"SELECT n AS id, md5(n::text) || md5((n * 7)::text) || md5((n * 11)::text) AS t FROM generate_series(1, %d) n"

// kept gives what is visible in the store.
func (s *shop) kept() []string {
	s.t.Helper()
	all, _ := filepath.Glob(filepath.Join(s.dir, "backups", "[a-z]*"))
	for i := range all {
		all[i] = filepath.Base(all[i])
	}
	return all
}

// create takes a backup and gives its name.
func (s *shop) create() string {
	s.t.Helper()
	before := s.kept()
	s.must(0, words("backup create"), "read back and compared (L2)")
	for _, name := range s.kept() {
		if strings.HasSuffix(name, ".dump") && !strings.Contains(strings.Join(before, "\n"), name) {
			return name
		}
	}
	s.t.Fatalf("no backup is visible: %v", s.kept())
	return ""
}

// gone drops databases after the test.
func (s *shop) gone(names ...string) {
	s.t.Cleanup(func() {
		for _, n := range names {
			postgrestest.Exec(s.t, server.URL("owner", "postgres"), `DROP DATABASE IF EXISTS "`+n+`" WITH (FORCE)`)
		}
	})
}

func (s *shop) live() string {
	name := s.url[strings.LastIndex(s.url, "/")+1:]
	name, _, _ = strings.Cut(name, "?")
	return name
}

func TestBackup_goes_out_and_comes_back(t *testing.T) {
	s := open(t)
	s.sql(orders, `CREATE TABLE public."odd ""one"" (;" (x text)`,
		`INSERT INTO public."odd ""one"" (;" VALUES (E'\\.\n')`, `SELECT lo_from_bytea(0, 'large')`,
		"ALTER DATABASE "+s.live()+" SET app.greeting = 'hello'")
	live := s.live()
	s.gone(live + "_new")
	name := s.create()
	s.sql("DELETE FROM public.orders WHERE id > 40", "CREATE TABLE public.later (n int)")
	s.must(0, words("backup restore "+name+" --into "+live+"_new"), "101 rows, all as in its manifest",
		"the live database "+live+" is unchanged", "RENAME TO")
	s.must(4, words("backup restore "+name+" --into "+live+"_new"), "restore-occupied", "nothing was restored")
	s.must(1, words("backup restore "+name+" --into "+live), "restore-over-live")
	s.must(1, words("backup restore nothing.dump --into x"), "backup-missing")
	s.must(0, words("backup restore "+name+" --globals"), "CREATE ROLE owner", "app.greeting")
	if n := s.count("SELECT count(*) FROM public.orders"); n != 40 {
		t.Errorf("the live database has %d orders, want 40", n)
	}

	s.must(9, words("backup restore "+name+" --over-live"), "--confirm "+live)
	s.must(1, words("backup restore "+name+" --over-live --confirm "+live+"x"))
	a := s.must(0, words("backup restore "+name+" --over-live --confirm "+live), "it is the live database "+live+" now",
		"the way back")
	old := a.out[strings.Index(a.out, live+"_before_"):]
	old, _, _ = strings.Cut(old, ",")
	s.gone(old)
	if n := s.count("SELECT count(*) FROM public.orders"); n != 100 {
		t.Errorf("after the restore there are %d orders, want 100", n)
	}
	if n := s.count("SELECT count(*) FROM pg_database d JOIN pg_db_role_setting r ON r.setdatabase = d.oid " +
		"WHERE d.datname = current_database() AND 'app.greeting=hello' = ANY (r.setconfig)"); n != 1 {
		t.Error("the database's own setting was lost")
	}
	before := shop{t: t, url: server.URL("owner", old)}
	if n := before.count("SELECT count(*) FROM public.later"); n != 0 {
		t.Error("what was live before is not kept whole")
	}
	if n := len(s.kept()); n != 6 { // two backups of three objects: the second is of the state that was replaced
		t.Errorf("%d objects are kept: %v", n, s.kept())
	}
}

func TestBackup_level_L3_restores_and_leaves_no_database(t *testing.T) {
	s := open(t)
	s.write("fairlead.yaml", strings.Replace(s.content("fairlead.yaml"), "backup: {store:",
		"backup: {verify: L3, store:", 1))
	s.sql(orders)
	s.must(0, words("backup create"), "read back, compared and restored (L3)")
	if n := s.count("SELECT count(*) FROM pg_database WHERE datname LIKE 'fairlead_verify%'"); n != 0 {
		t.Errorf("%d scratch databases are left", n)
	}
}

func (s *shop) content(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func TestBackup_restore_refuses_what_is_not_as_it_was_written(t *testing.T) {
	s := open(t)
	s.sql(orders)
	older := s.create()
	// Names of backups by hand have a second.
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	s.sql("INSERT INTO public.orders VALUES (1000)")
	name := s.create()
	path := filepath.Join(s.dir, "backups", name)
	good := []byte(s.content("backups/" + name))
	for what, bad := range map[string][]byte{
		"a bit is flipped":                flipped(good),
		"a byte is cut off":               good[:len(good)-1],
		"a byte is added":                 append(bytes.Clone(good), 0),
		"an older good dump in its place": []byte(s.content("backups/" + older)),
		"empty":                           {},
	} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		a := s.must(4, words("backup restore "+name+" --into "+s.live()+"_new"), "restore-unreadable",
			"no database was made")
		if n := s.count("SELECT count(*) FROM pg_database WHERE datname = current_database() || '_new'"); n != 0 {
			t.Errorf("%s: a database was made:\n%s", what, a)
		}
	}
}

func flipped(b []byte) []byte {
	bad := bytes.Clone(b)
	bad[len(bad)/2] ^= 8
	return bad
}

func TestBackup_restore_stops_at_a_missing_role_and_names_the_way(t *testing.T) {
	s := open(t)
	who := "r" + s.live()
	s.sql(orders, "CREATE ROLE "+who, "ALTER TABLE public.orders OWNER TO "+who)
	name := s.create()
	s.sql("ALTER TABLE public.orders OWNER TO owner", "DROP OWNED BY "+who, "DROP ROLE "+who)
	s.must(4, words("backup restore "+name+" --into "+s.live()+"_new"), "restore-role", "--globals > globals.sql",
		"does not exist")
	if n := s.count("SELECT count(*) FROM pg_database WHERE datname = current_database() || '_new'"); n != 0 {
		t.Error("half a database is left")
	}
}

// middle waits until a dump has written some of it, and gives the pid of fairlead's pg_dump.
func (s *shop) middle(parent int) int {
	s.t.Helper()
	s.wait("the dump begins", func() bool {
		parts, _ := filepath.Glob(filepath.Join(s.dir, "backups", ".*part"))
		if len(parts) != 1 {
			return false
		}
		st, err := os.Stat(parts[0])
		return err == nil && st.Size() > 1<<20
	})
	return s.child(parent)
}

// child gives the pg_dump among the children of a process.
func (s *shop) child(parent int) int {
	s.t.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
		_, rest, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(rest)
		if len(f) > 1 && f[1] == strconv.Itoa(parent) && strings.Contains(string(stat), "(pg_dump)") {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			return pid
		}
	}
	s.t.Fatal("no pg_dump runs")
	return 0
}

func TestBackup_leaves_nothing_when_pg_dump_is_killed_in_the_middle(t *testing.T) {
	s := open(t)
	s.sql(fmt.Sprintf(texts, 400_000))
	s.losesItsDump(s.middle)
}

// losesItsDump holds that a backup fails and leaves nothing when its pg_dump, which find waits for, is killed.
func (s *shop) losesItsDump(find func(parent int) int) {
	s.t.Helper()
	var said bytes.Buffer
	cmd := s.command("backup", "create")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Kill(find(cmd.Process.Pid), syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 4 || !strings.Contains(said.String(), "backup-failed") ||
		!strings.Contains(said.String(), "signal: killed") {
		s.t.Errorf("exit %d:\n%s", code, said.String())
	}
	if all, _ := os.ReadDir(filepath.Join(s.dir, "backups")); len(all) > 0 {
		s.t.Errorf("it leaves %v", all)
	}
}

func TestBackup_leaves_nothing_visible_when_fairlead_is_killed_in_the_middle(t *testing.T) {
	s := open(t)
	s.sql(fmt.Sprintf(texts, 400_000))
	s.killed(words("backup create"), func(pid int) { s.middle(pid) })
	if left := s.kept(); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
	s.until(0, dumpSessions)
	s.create()
}

func TestBackup_leaves_nothing_visible_on_a_disk_that_fills_up(t *testing.T) {
	s := open(t)
	mount := filepath.Join(s.dir, "small")
	smalldisk.Mount(t, mount, 4<<20)
	s.write("fairlead.yaml", strings.Replace(s.content("fairlead.yaml"), "path: backups, durable: true",
		"path: small, durable: true, min_free_mb: 0", 1))
	s.sql(fmt.Sprintf(texts, 200_000))
	s.must(4, words("backup create"), "backup-failed", "nothing was kept under a final name", "is full")
	if all, _ := os.ReadDir(mount); len(all) > 0 {
		t.Errorf("it leaves %v", all)
	}
	s.write("one.sql", "ALTER TABLE public.texts ADD COLUMN IF NOT EXISTS one text;")
	s.must(4, words("migrate apply one.sql --yes"), "production is unchanged")
	if n := s.count("SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.texts'::regclass " +
		"AND attname = 'one'"); n != 0 {
		t.Error("it was migrated without a backup")
	}
}

func TestBackup_keeps_encoding_and_collation(t *testing.T) {
	for name, o := range map[string]struct{ how, fill, check string }{
		"SQL_ASCII with bytes that are no text": {"ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'",
			`INSERT INTO public.w VALUES (E'\xff\xfe\xe4'), (E'plain')`,
			`SELECT count(*) FROM public.w WHERE t = E'\xff\xfe\xe4'`},
		// sorted last in Swedish
		"ICU": {"ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE'",
			`INSERT INTO public.w VALUES ('ö'), ('z'), ('a')`,
			`SELECT count(*) FROM (SELECT max(t) AS m FROM public.w) x WHERE m = 'ö'`},
		"LATIN1": {"ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
			`INSERT INTO public.w VALUES ('ü'), (chr(228))`, `SELECT count(*) FROM public.w WHERE t = chr(228)`},
	} {
		s := open(t)
		odd := s.live() + "_odd"
		s.gone(odd, odd+"_new")
		postgrestest.Exec(t, server.URL("owner", "postgres"), "CREATE DATABASE "+odd+" TEMPLATE template0 "+o.how)
		s.url = server.URL("owner", odd)
		s.sql("CREATE TABLE public.w (t text)", o.fill)
		s.must(0, words("backup restore "+s.create()+" --into "+odd+"_new"), "all as in its manifest")
		s.url = server.URL("owner", odd+"_new")
		if n := s.count(o.check); n != 1 {
			t.Errorf("%s: the copy is another one", name)
		}
	}
}

func TestBackup_with_an_older_pg_dump_is_refused(t *testing.T) {
	s := open(t)
	s.write("bin/pg_dump", "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
	s.write("fairlead.yaml", strings.Replace(s.content("fairlead.yaml"), `database: {`,
		`database: {pg_dump: bin/pg_dump, `, 1))
	s.sql(orders)
	s.must(4, words("backup create"), "9.6.24")
	s.write("one.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS one text;")
	s.must(3, words("migrate apply one.sql --yes"), "9.6.24", "production is unchanged")
}

func TestBackup_writes_the_password_nowhere(t *testing.T) {
	s := open(t)
	s.sql(orders)
	live := s.live()
	s.gone(live + "_new")
	name := s.create()
	s.must(0, words("backup restore "+name+" --into "+live+"_new"))
	s.must(0, words("backup create --json -v"))
	err := filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(password)) || bytes.Contains(b, []byte("SCRAM-SHA-256$")) {
			t.Errorf("a password is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
