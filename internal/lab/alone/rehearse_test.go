//go:build postgres

package alone

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scratchCopies and scratchSessions ask how many copies there are for rehearsals, and how many work in them.
const (
	scratchCopies   = "SELECT count(*) FROM pg_database WHERE datname LIKE 'fairlead_rehearsal%'"
	scratchSessions = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'fairlead_rehearsal%'"
)

// rehearsing makes a shop with orders of which one has no note, and a directory for scratch servers.
func rehearsing(t *testing.T, rehearse string) (s *shop, directory string) {
	t.Helper()
	directory, err := os.MkdirTemp("", "fl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	if err := os.Chmod(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	s = open(t, strings.ReplaceAll(rehearse, "DIRECTORY", directory))
	s.sql("CREATE TABLE public.orders (id bigint PRIMARY KEY, note text)",
		"INSERT INTO public.orders SELECT i, CASE WHEN i <> 77 THEN 'x' END FROM generate_series(1, 5000) i")
	return s, directory
}

// clean holds that nothing of a rehearsal is left.
func (s *shop) clean(directory string) {
	s.t.Helper()
	if n := s.count(scratchCopies); n != 0 {
		s.t.Errorf("%d scratch copies are left", n)
	}
	if left, _ := filepath.Glob(filepath.Join(directory, "*")); len(left) > 0 {
		s.t.Errorf("%v is left", left)
	}
}

func TestRehearsal_finds_what_fails_on_the_data_before_anything_is_applied(t *testing.T) {
	s, directory := rehearsing(t, `rehearse: {mode: full, directory: "DIRECTORY", smoke: {old: {command: [sh, -c, `+
		`'psql -qAtc "SELECT note FROM orders LIMIT 1" "$FAIRLEAD_SCRATCH_URL"']}}}`)
	s.write("m.sql", "CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_note ON public.orders (note);\n\n"+
		"ALTER TABLE public.orders ADD CONSTRAINT noted CHECK (note IS NOT NULL) NOT VALID;\n"+
		"ALTER TABLE public.orders VALIDATE CONSTRAINT noted;\n")
	s.must(4, words("migrate apply m.sql --yes"), "rehearsal-failed",
		"line 4: ALTER TABLE failed: check constraint \"noted\"", "production is unchanged")
	if n := s.count("SELECT count(*) FROM pg_class WHERE relname = 'orders_note'") +
		s.count("SELECT count(*) FROM pg_namespace WHERE nspname = 'fairlead'"); n != 0 {
		t.Error("something was applied")
	}
	s.clean(directory)
	s.must(4, words("migrate rehearse m.sql"), "rehearsal-failed", "line 4")
	s.must(0, words("migrate rehearse m.sql --mode schema"), "nothing is known of the data")
	s.sql("UPDATE public.orders SET note = 'y' WHERE note IS NULL")
	s.must(0, words("migrate apply m.sql --yes"), "1 table and 5000 rows restored and equal (L3)",
		"the old version works on the new schema", "applied, 3 of 3 units by this run")
	s.clean(directory)
}

func TestRehearsal_on_the_production_server_is_cleared_away_after_a_kill(t *testing.T) {
	s, directory := rehearsing(t, `rehearse: {mode: full, server: production, directory: "DIRECTORY"}`)
	s.write("out.sql", "CREATE ROLE somebody_new;")
	s.must(3, words("migrate apply out.sql --yes"), "rehearsal-outside", "line 1: roles belong to the whole server",
		"nothing was attempted")
	s.write("slow.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS seen boolean; SELECT pg_sleep(0.7);")
	for _, then := range []string{"abandon --reason test --yes", "resume --yes"} {
		s.killed(words("migrate apply slow.sql --yes"), func(int) {
			s.until(1, scratchCopies)
			s.wait("somebody is at work in the copy", func() bool { return s.count(scratchSessions) > 0 })
		})
		if s.count(scratchCopies) != 1 {
			t.Fatal("the kill came too late")
		}
		s.must(0, words(then))
		s.clean(directory)
	}
	if n := s.count("SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.orders'::regclass " +
		"AND attname = 'seen'"); n != 1 {
		t.Error("the resumed run did not apply it")
	}
	a := s.must(0, words("migrate rehearse slow.sql --json"))
	var e struct {
		Level string
		Copy  struct{ Where string }
	}
	var err error
	for d := json.NewDecoder(strings.NewReader(a.out)); err == nil; { // the story, then the answer
		err = d.Decode(&e)
	}
	if err != io.EOF || e.Level != "L3" || e.Copy.Where != "the production server" {
		t.Errorf("--json: %v %+v", err, e)
	}
	s.clean(directory)
}
