//go:build postgres

package catalog

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/applier"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/fence"
)

func TestImprint_changes_with_everything_that_a_migration_can_do_and_with_nothing_else(t *testing.T) {
	url := servertest.Fresh(t)
	toolmade(t, url, "CREATE TABLE public.orders (id bigint PRIMARY KEY, note text); INSERT INTO public.orders "+
		"SELECT g, 'x' FROM generate_series(1, 50) g; CREATE INDEX orders_note ON public.orders (note)",
		"CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE TYPE public.mood AS ENUM ('sad')",
		gooseTables)
	d := opened(t, url)
	if err := applier.New(d.server).Raise(t.Context(), fence.Ticket{App: "shop", Environment: "production", Ledger: "l",
		Run: "r-one", Number: 1}); err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]string{
		{"ALTER TABLE public.orders ADD COLUMN a int", "pg_attribute"},
		{"ALTER TABLE public.orders ALTER COLUMN note SET NOT NULL", "pg_attribute"},
		{"ALTER TABLE public.orders ADD CONSTRAINT c CHECK (id > 0)", "pg_constraint"},
		{"CREATE INDEX CONCURRENTLY orders_id2 ON public.orders (id)", "pg_index"},
		{"DROP INDEX public.orders_note", "pg_class"},
		{"CREATE OR REPLACE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 2'", "pg_proc"},
		{"ALTER TYPE public.mood ADD VALUE 'glad'", "pg_enum"},
		{"GRANT SELECT ON public.orders TO PUBLIC", "pg_class"},
		{"COMMENT ON TABLE public.orders IS 'x'", "pg_description"},
		{"CREATE SCHEMA s", "pg_namespace"},
		{"CREATE VIEW public.v AS SELECT 1 AS one", "pg_rewrite"},
		{"TRUNCATE public.orders", "pg_class"},
		{"ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY", "pg_class"},
		{"INSERT INTO public.orders VALUES (1000, 'y')", "rows were written in public.orders"},
		{"UPDATE public.orders SET note = 'z' WHERE id = 1000", "rows were written in public.orders"},
		{"DELETE FROM public.orders WHERE id = 1000", "rows were written in public.orders"},
		{"INSERT INTO goose_db_version (version_id, is_applied) VALUES (7, true)",
			"rows were written in public.goose_db_version"},
		{"CREATE PUBLICATION p", "pg_publication"},
		{"ALTER PUBLICATION p ADD TABLE public.orders", "pg_publication_rel"},
		{"ALTER PUBLICATION p DROP TABLE public.orders", "pg_publication_rel"},
		{"ALTER PUBLICATION p ADD TABLES IN SCHEMA public", "pg_publication_namespace"},
		{"CREATE TEXT SEARCH CONFIGURATION public.words (COPY = simple)", "pg_ts_config"},
		{"ALTER TEXT SEARCH CONFIGURATION public.words DROP MAPPING FOR word", "pg_ts_config_map"},
		{"CREATE TEXT SEARCH DICTIONARY public.dict (TEMPLATE = simple)", "pg_ts_dict"},
		{"CREATE FOREIGN DATA WRAPPER w", "pg_foreign_data_wrapper"},
		{"CREATE OPERATOR FAMILY public.fam USING btree", "pg_opfamily"},
		{"CREATE CONVERSION public.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8", "pg_conversion"},
		{"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''5MB''', current_database()); END $$",
			"pg_db_role_setting"},

		{"SELECT * FROM public.orders", ""},
		{"CREATE TEMP TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)", ""},
		{"BEGIN; ALTER TABLE public.orders ADD COLUMN gone int; ROLLBACK", ""},
		{"ANALYZE public.orders", ""},
		{"VACUUM public.orders", ""},
		{"SET search_path = public", ""},
	} {
		sql, want := r[0], r[1]
		before, err := d.Imprint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		toolmade(t, url, strings.Split(sql, "; INSERT INTO t")[0])
		quiet(t, d, before.At)
		after, err := d.Imprint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := before.Differs(after)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}

// quiet waits for the end of sessions that the test has opened.
func quiet(t *testing.T, d *Reader, since time.Time) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if all, err := d.OtherSessions(t.Context(), since); err == nil && len(all) == 0 {
			return
		}
	}
	t.Fatal("the sessions of the test do not end")
}

func TestStrangers_are_the_sessions_opened_since_and_no_others(t *testing.T) {
	url := servertest.Fresh(t)
	d := opened(t, url)
	old, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close(context.Background())
	before, err := d.Imprint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if all, err := d.OtherSessions(t.Context(), before.At); err != nil || len(all) != 0 {
		t.Errorf("before: %q, %v", all, err)
	}
	later, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := d.OtherSessions(t.Context(), before.At); err != nil || len(all) != 1 ||
		!strings.Contains(all[0], "owner") {
		t.Errorf("with one: %q, %v", all, err)
	}
	_ = later.Close(context.Background())
	quiet(t, d, before.At)
}
