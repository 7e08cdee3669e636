//go:build postgres

package alone

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const orders = "CREATE TABLE public.orders (id bigint PRIMARY KEY); INSERT INTO public.orders " +
	"SELECT generate_series(1, 100)"

const twoUnits = `CREATE TABLE IF NOT EXISTS public.notes (id bigint PRIMARY KEY, note text);
INSERT INTO public.notes VALUES (1, 'first') ON CONFLICT DO NOTHING;
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_id_idx ON public.orders (id);
`

func TestMigrate_alone_plans_applies_once_and_tells(t *testing.T) {
	s := open(t)
	s.sql(orders)
	s.write("migrations/0001_notes.sql", twoUnits)
	s.must(0, words("migrate plan migrations/0001_notes.sql"), "unit 1, in one transaction",
		"unit 2, outside a transaction", "PostgreSQL 1")
	if _, err := os.Stat(filepath.Join(s.dir, "ledger")); err == nil {
		t.Error("planning made a ledger")
	}
	if n := s.count("SELECT count(*) FROM pg_namespace WHERE nspname = 'fairlead'"); n != 0 {
		t.Error("planning made the schema fairlead")
	}
	s.must(0, words("migrate apply migrations/0001_notes.sql --yes"),
		"applied 0001_notes.sql: the migration 0001_notes.sql is in place", "read back and compared")
	s.must(0, words("migrate apply migrations/0001_notes.sql --yes"), "already applied by run r-")
	if n := s.count("SELECT count(*) FROM public.notes"); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	s.must(0, words("migrate status"), "migrations/0001_notes.sql", "applied", "2 of 2")
	s.must(0, words("migrate status migrations/0001_notes.sql"), "unit 2  outside a transaction  applied  run r-")
	s.must(0, words("history"), "migrate 0001_notes.sql", "applied")
	s.must(0, words("ledger verify"))
	s.must(0, words("status"), "no target is configured")
	s.must(0, words("check"), "PostgreSQL 1")
	s.must(3, words("rollback"), "nothing-to-return-to")

	a := s.must(0, words("migrate status --json"))
	var all []struct {
		File, Run, State string
		Units, Of        int
	}
	if err := json.Unmarshal([]byte(a.out), &all); err != nil || len(all) != 1 || all[0].Units != 2 ||
		all[0].State != "applied" || all[0].Run == "" {
		t.Errorf("migrate status --json: %v, %+v", err, all)
	}
}

func TestMigrate_alone_is_refused_where_a_gate_is_closed(t *testing.T) {
	s := open(t)
	s.sql(orders)
	s.write("drop.sql", "DROP TABLE public.orders;")
	s.must(3, words("migrate apply drop.sql --yes"), "migration-unsafe", "production is unchanged")
	s.must(3, words("migrate plan drop.sql"), "migration-unsafe")
	s.write("fairlead.yaml", "app: shop\nenvironment: production\nledger: {path: ledger, durable: true}\n"+
		"database: {url: \"${PROD_DB_URL}\"}\n")
	s.write("add.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS note text;")
	s.must(3, words("migrate apply add.sql --yes"), "no backup store")
	s.must(0, []string{"migrate", "apply", "add.sql", "--yes", "--no-backup", "--reason",
		"a copy of the nightly one is at hand"}, "NO BACKUP")
	s.must(1, words("deploy v1 --yes"))
	s.must(1, words("record manual --reason x"), "target-missing")
}

func TestMigrate_alone_applies_again_only_with_a_reason(t *testing.T) {
	s := open(t)
	s.sql(orders, "CREATE TABLE public.log (n int)")
	s.write("log.sql", "INSERT INTO public.log VALUES (1);")
	s.must(0, words("migrate apply log.sql --yes"))
	s.must(0, words("migrate apply log.sql --yes"), "already applied")
	s.must(1, words("migrate apply log.sql --yes --again"), "--reason")
	s.must(0, []string{"migrate", "apply", "log.sql", "--yes", "--again", "--reason",
		"the first row was deleted by hand"}, "AGAIN")
	if n := s.count("SELECT count(*) FROM public.log"); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	if a := s.must(0, words("migrate status")); strings.Count(a.out, "log.sql") != 2 ||
		!strings.Contains(a.out, "(again)") {
		t.Errorf("both runs are to be listed:\n%s", a)
	}
}

func TestMigrate_alone_goes_on_after_a_kill(t *testing.T) {
	s := open(t)
	s.sql(orders, "CREATE TABLE public.effect (n int)")
	s.write("slow.sql", "INSERT INTO public.effect VALUES (1);\nDO $$ BEGIN PERFORM pg_sleep(1.5); END $$;\n")
	s.killed(words("migrate apply slow.sql --yes"), func(int) { s.until(1, asleep) })
	s.write("other.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS note text;")
	s.must(8, words("migrate apply other.sql --yes"), "run-open")
	s.must(0, words("status"), "OPEN run", "at step migrate")
	s.must(0, words("resume --yes"), "is in place")
	if n := s.count("SELECT count(*) FROM public.effect"); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	s.must(0, words("ledger verify"))
	s.must(0, words("migrate apply other.sql --yes"))
}

func TestMigrate_alone_with_another_ledger_is_refused(t *testing.T) {
	s := open(t)
	s.sql(orders)
	s.write("one.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS one text;")
	s.write("two.sql", "ALTER TABLE public.orders ADD COLUMN IF NOT EXISTS two text;")
	s.must(0, words("migrate apply one.sql --yes"))
	if err := os.Rename(filepath.Join(s.dir, "ledger"), filepath.Join(s.dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	s.must(3, words("migrate apply two.sql --yes"), "the database knows the ledger")
	if n := s.count("SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.orders'::regclass " +
		"AND attname = 'two'"); n != 0 {
		t.Error("it was applied nevertheless")
	}
}
