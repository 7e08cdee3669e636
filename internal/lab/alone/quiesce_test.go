//go:build postgres

package alone

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// quiet configures writers that are stopped and resumed by two scripts, which write down what they do. fails names the
// one that does not work.
func quiet(t *testing.T, fails string) *shop {
	t.Helper()
	s := open(t)
	for name, word := range map[string]string{"stop.sh": "stop", "start.sh": "resume"} {
		text := "#!/bin/sh\necho " + word + " >> log\n"
		if name == fails {
			text += "exit 3\n"
		}
		s.write(name, text)
	}
	s.write("fairlead.yaml", strings.Replace(s.content("fairlead.yaml"), "backup: {",
		"backup: {quiesce: {command: [./stop.sh], resume: [./start.sh]}, ", 1))
	s.sql(orders)
	return s
}

// did gives what the scripts did since the last look.
func (s *shop) did() string {
	s.t.Helper()
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	_ = os.Remove(filepath.Join(s.dir, "log"))
	return strings.Join(strings.Fields(string(b)), " ")
}

func TestQuiesce_stops_writers_for_the_migration_and_resumes_them_on_every_ending(t *testing.T) {
	s := quiet(t, "")
	s.write("one.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS one text;")
	s.must(0, words("migrate apply one.sql --yes"), "stopped before the backup and resumed afterwards",
		"what writes to the database was stopped for")
	if got := s.did(); got != "stop resume" {
		t.Errorf("a migration that works does %q", got)
	}
	s.must(0, words("show"), "and is resumed")

	s.write("bad.sql", "DO $$ BEGIN RAISE EXCEPTION 'no'; END $$;")
	s.must(4, words("migrate apply bad.sql --yes"), "was stopped, and is resumed", "production is unchanged")
	if got := s.did(); got != "stop resume" {
		t.Errorf("a migration that fails does %q", got)
	}
	s.write("two.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS two text;")
	if err := os.Rename(filepath.Join(s.dir, "backups"), filepath.Join(s.dir, "away")); err != nil {
		t.Fatal(err)
	}
	s.write("bin/pg_dump", "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'pg_dump (PostgreSQL) 99.1'; exit 0; "+
		"fi\nexit 1\n")
	s.write("bin/pg_restore", "#!/bin/sh\necho 'pg_restore (PostgreSQL) 99.1'\n")
	s.write("fairlead.yaml", strings.Replace(s.content("fairlead.yaml"), "database: {",
		"database: {pg_dump: bin/pg_dump, ", 1))
	s.must(4, words("migrate apply two.sql --yes"), "backup-failed", "was stopped, and is resumed")
	if got := s.did(); got != "stop resume" {
		t.Errorf("a backup that fails does %q", got)
	}
}

func TestQuiesce_that_fails_stops_the_release(t *testing.T) {
	s := quiet(t, "stop.sh")
	s.write("one.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS one text;")
	s.must(4, words("migrate apply one.sql --yes"), "quiesce-failed", "is resumed")
	if got := s.did(); got != "stop resume" {
		t.Errorf("it does %q", got)
	}
	if n := s.count("SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.orders'::regclass " +
		"AND attname = 'one'"); n != 0 || len(s.kept()) > 0 {
		t.Error("it went on")
	}
}

func TestQuiesce_that_cannot_be_ended_is_said_loudly(t *testing.T) {
	s := quiet(t, "start.sh")
	s.write("one.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS one text;")
	s.must(6, words("migrate apply one.sql --yes"), "STOPPED, or may be, and this resumes it: ./start.sh")
	if got := s.did(); !strings.HasPrefix(got, "stop resume") {
		t.Errorf("it does %q", got)
	}
	s.write("start.sh", "#!/bin/sh\necho resume >> log\n")
	s.must(0, words("resume --yes"), "is resumed")
	if got := s.did(); got != "resume" {
		t.Errorf("the resumed run does %q", got)
	}
}

func TestQuiesce_is_ended_after_a_kill_by_whoever_goes_on_or_gives_up(t *testing.T) {
	for _, how := range []string{"resume --yes", "abandon --reason over --yes"} {
		s := quiet(t, "")
		s.write("slow.sql", "DO $$ BEGIN PERFORM pg_sleep(1.5); END $$;")
		s.killed(words("migrate apply slow.sql --yes"), func(int) { s.until(1, asleep) })
		if got := s.did(); got != "stop" {
			t.Errorf("before the kill it does %q", got)
		}
		a := s.run(words(how)...)
		if got := s.did(); !strings.HasSuffix(got, "resume") {
			t.Errorf("%s does %q:\n%s", how, got, a)
		}
	}
}
