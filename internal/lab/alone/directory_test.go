//go:build postgres

package alone

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/lab/smalldisk"
)

// directory has its backups in the directory format, by three sessions.
func directory(t *testing.T, more string) *shop {
	s := open(t)
	s.write("fairlead.yaml", strings.Replace(s.content("fairlead.yaml"), "backup: {",
		"backup: {format: directory, jobs: 3, "+more, 1))
	return s
}

func TestDirectory_goes_out_and_comes_back_at_every_level_and_compressed(t *testing.T) {
	for name, more := range map[string]string{"L2": "", "L3": "verify: L3, ", "L2, zstd": "compression: zstd, ",
		"scratch elsewhere": "scratch: elsewhere/scratch, "} {
		s := directory(t, more)
		s.sql(orders, `CREATE TABLE public."odd ""one"" (;" (x text)`,
			`INSERT INTO public."odd ""one"" (;" VALUES (E'\\.\n')`, `SELECT lo_from_bytea(0, 'large')`)
		live := s.live()
		s.gone(live + "_new")
		s.must(0, words("backup create"), "read back")
		dump := ""
		for _, one := range s.kept() {
			if strings.HasSuffix(one, ".dump") {
				dump = one
			}
		}
		s.must(0, words("backup restore "+dump+" --into "+live+"_new"), "101 rows, all as in its manifest")
		if manifest := s.content("backups/" + dump + ".json"); !strings.Contains(manifest, `"format": "directory"`) {
			t.Errorf("%s: the manifest says\n%s", name, manifest)
		}
		s.idle(name)
	}
}

// idle holds that no scratch is left.
func (s *shop) idle(name string) {
	s.t.Helper()
	for _, below := range []string{"backups", "elsewhere/scratch"} {
		if left, _ := filepath.Glob(filepath.Join(s.dir, below, ".fairlead-directory-*")); len(left) > 0 {
			s.t.Errorf("%s: it leaves %v", name, left)
		}
	}
}

// writing waits until pg_dump writes rows into scratch, and gives the pid of fairlead's pg_dump.
func (s *shop) writing(parent int) int {
	s.t.Helper()
	s.wait("the dump begins", func() bool {
		all, _ := filepath.Glob(filepath.Join(s.dir, "backups", ".*", "dump", "*.dat.gz"))
		return len(all) > 0
	})
	return s.child(parent)
}

func TestDirectory_leaves_nothing_when_pg_dump_is_killed_in_the_middle(t *testing.T) {
	s := directory(t, "")
	s.sql(fmt.Sprintf(texts, 300_000), "CREATE TABLE public.more AS TABLE public.texts")
	s.losesItsDump(s.writing)
	s.until(0, dumpSessions)
}

func TestDirectory_is_swept_when_fairlead_was_killed_in_the_middle_and_pg_dump_ends_with_it(t *testing.T) {
	s := directory(t, "")
	s.sql(fmt.Sprintf(texts, 600_000), "CREATE TABLE public.more AS TABLE public.texts")
	cmd := s.command("backup", "create")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dumper := s.writing(cmd.Process.Pid)
	backend := s.count("SELECT coalesce(min(pid), 0) FROM pg_stat_activity WHERE application_name LIKE 'pg_dump%' " +
		"AND datname = current_database() AND query LIKE 'COPY %'")
	if n := s.count(dumpSessions); n != 4 { // its own, and jobs
		t.Errorf("pg_dump has %d sessions, want 4", n)
	}
	if backend == 0 {
		t.Fatal("no session of pg_dump reads a table any more")
	}
	if err := syscall.Kill(backend, syscall.SIGSTOP); err != nil { // so that pg_dump could not end by itself
		t.Fatal(err)
	}
	err := cmd.Process.Kill()
	_ = cmd.Wait()
	ends := false
	for range 500 {
		if ends = errors.Is(syscall.Kill(dumper, 0), syscall.ESRCH); ends {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err = errors.Join(err, syscall.Kill(backend, syscall.SIGCONT)); err != nil {
		t.Fatal(err)
	}
	if !ends {
		t.Error("pg_dump goes on without fairlead")
	}
	if left := s.kept(); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "backups", ".fairlead-directory-*")); len(left) == 0 {
		t.Error("it was not killed in the middle: no scratch is left, so nothing can be swept")
	}
	s.until(0, dumpSessions)
	s.must(0, words("check"))
	if left, _ := filepath.Glob(filepath.Join(s.dir, "backups", ".fairlead-directory-*")); len(left) > 0 {
		t.Errorf("fairlead check leaves %v", left)
	}
	s.create()
	s.idle("the next backup")
}

func TestDirectory_is_refused_before_anything_where_scratch_is_too_small(t *testing.T) {
	s := directory(t, "scratch: small, ")
	mount := filepath.Join(s.dir, "small")
	smalldisk.Mount(t, mount, 2<<20)
	s.sql(orders)
	s.must(4, words("backup create"), "expected to take", "are free at", "production is unchanged")
	s.write("one.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS one text;")
	s.must(3, words("migrate apply one.sql --yes"), "backup-not-ready", "expected to take")
	if left := s.kept(); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}

func TestDirectory_that_is_spoilt_is_not_restored(t *testing.T) {
	s := directory(t, "")
	s.sql(orders)
	name := s.create()
	path := filepath.Join(s.dir, "backups", name)
	good := []byte(s.content("backups/" + name))
	for what, bad := range map[string][]byte{"a bit is flipped": flipped(good),
		"a byte is cut off": good[:len(good)-1]} {
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

func TestDirectory_is_what_a_migration_is_rehearsed_on(t *testing.T) {
	s := directory(t, "")
	s.write("fairlead.yaml", s.content("fairlead.yaml")+"rehearse: full\n")
	s.sql(orders)
	s.write("one.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS one text;")
	s.must(0, words("migrate apply one.sql --yes"), "rehears")
	s.idle("a rehearsal")
}
