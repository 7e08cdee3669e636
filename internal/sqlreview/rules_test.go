package sqlreview

import (
	"strings"
	"testing"

	"fairlead/internal/sqlreview/rules"
)

// ruleCase is SQL and the findings it must have, in order: "block:drop-table". An empty want is a pass.
type ruleCase struct{ name, sql, want string }

func checkRules(t *testing.T, c *Catalog, p Policy, cases []ruleCase) {
	t.Helper()
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(x.sql)}}, Catalog: c, Policy: p})
			if got := rulesOf(r); got != x.want {
				t.Errorf("%s\n got %q\nwant %q", x.sql, got, x.want)
			}
		})
	}
}

func TestRules_with_a_catalog_and_big_tables(t *testing.T) {
	checkRules(t, baseCatalog(), Policy{AssumeRows: 10_000_000}, []ruleCase{
		{"a table made here may be dropped", "CREATE TABLE a(i int); DROP TABLE a;", ""},
		{"a table that is not there may be dropped", "DROP TABLE IF EXISTS nowhere;", ""},
		{"a table is dropped through IF EXISTS", "DROP TABLE IF EXISTS orders;", "block:drop-table"},
		{"each table of a list counts", "DROP TABLE orders, customers;", "block:drop-table block:drop-table"},
		{"IF NOT EXISTS does not make a table new", "CREATE TABLE IF NOT EXISTS orders(i int); DROP TABLE orders;",
			"block:drop-table"},
		{"IF NOT EXISTS makes a table that was absent", "CREATE TABLE IF NOT EXISTS a(i int); CREATE INDEX ON a(i);",
			""},
		{"a dropped table is not new again by its old name",
			"DROP TABLE orders; ALTER TABLE orders ADD x int NOT NULL;", "block:drop-table block:add-required-column"},
		{"the same name in another schema", "CREATE TABLE reporting.orders(i int); DROP TABLE orders;",
			"block:drop-table"},
		{"a temporary table hides the real one", "CREATE TEMP TABLE orders(i int); DROP TABLE orders;", ""},
		{"a temporary table hides the real one until it goes", "CREATE TEMP TABLE orders(i int); DROP TABLE orders; " +
			"DROP TABLE IF EXISTS orders;", "block:drop-table"},
		{"a prepared statement", "PREPARE p AS DELETE FROM orders; EXECUTE p;",
			"block:delete-no-where warn:unknown-statement"},
		{"search_path moves names", "SET search_path = reporting; DROP TABLE IF EXISTS orders; DROP TABLE daily;",
			"block:drop-table"},
		{"a column", "ALTER TABLE orders DROP COLUMN total;", "block:drop-column"},
		{"a column that is not there", "ALTER TABLE orders DROP COLUMN IF EXISTS nowhere;", ""},
		{"a column made here", "ALTER TABLE orders ADD c int; ALTER TABLE orders DROP COLUMN c;", ""},
		{"a required column", "ALTER TABLE orders ADD COLUMN c int NOT NULL;", "block:add-required-column"},
		{"a required column with a null default", "ALTER TABLE orders ADD COLUMN c int NOT NULL DEFAULT NULL;",
			"block:add-required-column"},
		{"a required column with a default", "ALTER TABLE orders ADD COLUMN c int NOT NULL DEFAULT 1;", ""},
		{"a required column of a table made here", "CREATE TABLE a(i int); ALTER TABLE a ADD c int NOT NULL;", ""},
		{"not null without proof", "ALTER TABLE customers ALTER email SET NOT NULL;", "block:set-not-null-scan"},
		{"not null that already is", "ALTER TABLE customers ALTER status SET NOT NULL;", ""},
		{"not null with a proof in a conjunction", "ALTER TABLE customers ADD CONSTRAINT k CHECK (email IS NOT NULL " +
			"AND email <> '') NOT VALID; ALTER TABLE customers VALIDATE CONSTRAINT k; ALTER TABLE customers ALTER " +
			"email SET NOT NULL;", ""},
		{"not null with an OR", "ALTER TABLE customers ADD CONSTRAINT k CHECK (email IS NOT NULL OR name IS NOT " +
			"NULL) NOT VALID; ALTER TABLE customers VALIDATE CONSTRAINT k; ALTER TABLE customers ALTER email SET " +
			"NOT NULL;", "block:set-not-null-scan"},
		{"not null with a proof that was dropped", "ALTER TABLE customers ADD CONSTRAINT k CHECK (email IS NOT NULL) " +
			"NOT VALID; ALTER TABLE customers VALIDATE CONSTRAINT k; ALTER TABLE customers DROP CONSTRAINT k; ALTER " +
			"TABLE customers ALTER email SET NOT NULL;", "block:set-not-null-scan"},
		{"not null with a proof that is not valid", "ALTER TABLE customers ADD CONSTRAINT k CHECK (email IS NOT " +
			"NULL) NOT VALID; ALTER TABLE customers ALTER email SET NOT NULL;", "block:set-not-null-scan"},
		{"an index", "CREATE INDEX ON orders(total);", "block:index-not-concurrent"},
		{"a unique index on a table made here under another name",
			"CREATE TABLE a(i int); ALTER TABLE a RENAME TO b; CREATE UNIQUE INDEX ON b(i);", ""},
		{"a concurrent index on a partitioned table", "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON events(at);",
			"block:concurrently-in-tx"},
		{"an index on the parent only", "CREATE INDEX i ON ONLY events(at);", ""},
		{"a concurrent index in a transaction", "BEGIN; CREATE INDEX CONCURRENTLY i ON orders(total); COMMIT;",
			"block:concurrently-in-tx"},
		{"a column gets another name", "ALTER TABLE orders RENAME total TO sum;", "block:rename-column"},
		{"a column made here gets another name", "ALTER TABLE orders ADD c int; ALTER TABLE orders RENAME c TO d;", ""},
		{"a table gets another name", "ALTER TABLE orders RENAME TO o;", "block:rename-table"},
		{"an index gets another name", "ALTER INDEX orders_state_idx RENAME TO i;", ""},
		{"a type gets another name", "ALTER TYPE order_state RENAME TO s;", "block:rename-object"},
		{"an enum label gets another name", "ALTER TYPE order_state RENAME VALUE 'open' TO 'opened';",
			"block:enum-rename-value"},
		{"all rows are deleted", "DELETE FROM orders;", "block:delete-no-where"},
		{"all rows are deleted, disguised", "DELETE FROM orders WHERE 1 = 1;", "block:delete-no-where"},
		{"all rows are deleted inside a SELECT", "WITH d AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM d;",
			"block:delete-no-where"},
		{"some rows are deleted", "DELETE FROM orders WHERE id = 7;", ""},
		{"all rows are updated", "UPDATE orders SET state = 'x' WHERE true;", "block:overwrite-no-where"},
		{"rows made here are updated", "CREATE TABLE a(i int); UPDATE a SET i = 1; DELETE FROM a; TRUNCATE a;", ""},
		{"serial", "ALTER TABLE orders ADD n bigserial;", "block:identity-rewrite"},
		{"clock_timestamp differs per row", "ALTER TABLE orders ADD c timestamptz DEFAULT clock_timestamp();",
			"block:volatile-default"},
		{"a volatile call inside a cast", "ALTER TABLE orders ADD c text DEFAULT (gen_random_uuid())::text;",
			"block:volatile-default"},
		{"current_timestamp is stable", "ALTER TABLE orders ADD c timestamptz DEFAULT CURRENT_TIMESTAMP;", ""},
		{"a function that nobody knows", "ALTER TABLE orders ADD c text DEFAULT nobody_knows();",
			"block:volatile-default"},
		{"a stable function made here", "CREATE FUNCTION f() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'; ALTER " +
			"TABLE orders ADD c int DEFAULT f();", ""},
		{"int to bigint", "ALTER TABLE orders ALTER total TYPE bigint;", "block:type-rewrite"},
		{"varchar wider", "ALTER TABLE customers ALTER name TYPE varchar(200);", ""},
		{"varchar narrower", "ALTER TABLE customers ALTER name TYPE varchar(50);", "block:type-rewrite"},
		{"numeric wider, same scale", "ALTER TABLE customers ALTER balance TYPE numeric(12,2);", ""},
		{"numeric with another scale", "ALTER TABLE customers ALTER balance TYPE numeric(12,3);", "block:type-rewrite"},
		{"numeric narrower, same scale", "ALTER TABLE customers ALTER balance TYPE numeric(8,2);",
			"block:type-rewrite"},
		{"a function of the database is called", "SELECT customer_label(1);", "warn:called-function"},
		{"json to jsonb", "ALTER TABLE orders ALTER meta TYPE jsonb USING meta::jsonb;", "block:type-rewrite"},
		{"using the same column", "ALTER TABLE customers ALTER name TYPE text USING name::text;", ""},
		{"a check is verified", "ALTER TABLE orders ADD CONSTRAINT k CHECK (total < 9);", "block:check-not-valid"},
		{"a check is not verified", "ALTER TABLE orders ADD CONSTRAINT k CHECK (total < 9) NOT VALID;", ""},
		{"a foreign key is verified", "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;",
			"block:fk-not-valid"},
		{"a foreign key of a new nullable column", "ALTER TABLE orders ADD c bigint REFERENCES customers;", ""},
		{"validated in the same transaction", "BEGIN; ALTER TABLE orders ADD CONSTRAINT k CHECK (total < 9) NOT " +
			"VALID; ALTER TABLE orders VALIDATE CONSTRAINT k; COMMIT;", "block:validate-same-tx"},
		{"a primary key", "ALTER TABLE audit_log ADD PRIMARY KEY (msg);", "block:add-primary-key"},
		{"a default is dropped from a required column", "ALTER TABLE customers ALTER status DROP DEFAULT;",
			"block:drop-default"},
		{"a default is dropped from a nullable column", "ALTER TABLE orders ALTER placed_at DROP DEFAULT;",
			"warn:drop-default"},
		{"not null is dropped", "ALTER TABLE orders ALTER total DROP NOT NULL;", "warn:drop-not-null"},
		{"a view is dropped and made again", "DROP VIEW active_customers; CREATE VIEW active_customers AS SELECT " +
			"1 AS id;", "warn:drop-view"},
		{"a function is dropped", "DROP FUNCTION customer_label(bigint);", "block:drop-object"},
		{"a type is dropped", "DROP TYPE order_state CASCADE;", "block:drop-object"},
		{"row security with a policy first", "CREATE POLICY p ON orders USING (true); ALTER TABLE orders ENABLE ROW " +
			"LEVEL SECURITY;", "warn:rls warn:rls"},
		{"revoke", "REVOKE SELECT ON orders FROM PUBLIC;", "block:revoke"},
		{"triggers off for the session", "SET session_replication_role = replica;", "block:session-guard-off"},
		{"alter system", "ALTER SYSTEM SET fsync = off;", "block:alter-system"},
		{"a database", "DROP DATABASE d;", "block:drop-database"},
		{"a partition goes", "ALTER TABLE events DETACH PARTITION events_2026;", "block:detach-partition"},
		{"a partition comes without proof", "ALTER TABLE events ATTACH PARTITION loose_events FOR VALUES FROM " +
			"('2027-01-01') TO ('2028-01-01');", "block:attach-partition"},
	})
}

func TestRules_inside_bodies(t *testing.T) {
	checkRules(t, baseCatalog(), Policy{AssumeRows: 10_000_000}, []ruleCase{
		{"a constant EXECUTE", "DO $$ BEGIN EXECUTE 'DROP ' || 'TABLE orders'; END $$", "block:drop-table"},
		{"format with constants", "DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'orders'); END $$", "block:drop-table"},
		{"format with a variable", "DO $$ DECLARE t text := 'x'; BEGIN EXECUTE format('DROP TABLE %I', t); END $$",
			"block:dynamic-sql"},
		{"a handler", "DO $$ BEGIN NULL; EXCEPTION WHEN others THEN DROP TABLE orders; END $$", "block:drop-table"},
		{"an else in a loop in a block", "DO $$ BEGIN FOR i IN 1..2 LOOP IF true THEN NULL; ELSE BEGIN TRUNCATE " +
			"orders; END; END IF; END LOOP; END $$", "block:truncate"},
		{"a DO in a DO", "DO $a$ BEGIN EXECUTE 'DO $b$ BEGIN DROP TABLE orders; END $b$'; END $a$", "block:drop-table"},
		{"another language", "DO LANGUAGE plpython3u $$ pass $$", "block:unreviewable"},
		{"a function that is only made", "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE " +
			"orders; END $$", ""},
		{"a function called by PERFORM", "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE " +
			"orders; END $$; DO $$ BEGIN PERFORM f(); END $$", "block:drop-table"},
		{"a function called in a condition", "CREATE FUNCTION f() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN DROP " +
			"TABLE orders; RETURN true; END $$; DO $$ BEGIN IF f() THEN NULL; END IF; END $$", "block:drop-table"},
		{"a function that calls another", "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DROP TABLE orders'; " +
			"CREATE FUNCTION g() RETURNS void LANGUAGE sql AS 'SELECT f()'; SELECT g();", "block:drop-table"},
		{"a function that calls itself", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT f()'; SELECT f();",
			""},
		{"a loop over deleted rows", "DO $$ DECLARE r record; BEGIN FOR r IN DELETE FROM orders RETURNING 1 LOOP " +
			"NULL; END LOOP; END $$", "block:delete-no-where"},
		{"an overload of a harmless function", "CREATE FUNCTION f(i text) RETURNS void LANGUAGE sql AS 'DROP TABLE " +
			"orders'; CREATE FUNCTION f(i int) RETURNS void LANGUAGE sql AS 'SELECT 1'; SELECT f('a');",
			"block:drop-table"},
		{"SQL handed to another connection", "SELECT dblink_exec('db', 'DROP TABLE orders');", "block:dynamic-sql"},
		{"a guard makes no table new", "DO $$ BEGIN IF false THEN CREATE TABLE orders(i int); END IF; END $$; CREATE " +
			"INDEX ON orders(total);", "block:index-not-concurrent"},
		{"a guard makes a table that was absent", "DO $$ BEGIN IF true THEN CREATE TABLE a(i int); END IF; END $$; " +
			"CREATE INDEX ON a(i);", ""},
		{"a guard proves nothing", "ALTER TABLE customers ADD CONSTRAINT k CHECK (email IS NOT NULL) NOT VALID; DO " +
			"$$ BEGIN IF false THEN ALTER TABLE customers VALIDATE CONSTRAINT k; END IF; END $$; ALTER TABLE " +
			"customers ALTER email SET NOT NULL;", "block:validate-same-tx block:set-not-null-scan"},
		{"a procedure that nobody knows", "CALL nobody_knows();", "block:unreviewable"},
		{"a concurrent index in EXECUTE", "DO $$ BEGIN EXECUTE 'CREATE INDEX CONCURRENTLY i ON orders(total)'; END $$",
			"block:concurrently-in-tx"},
		{"a commit inside is in no transaction", "DO $$ BEGIN INSERT INTO audit_log VALUES ('a'); COMMIT; END $$",
			"block:not-idempotent"},
	})
}

func TestRules_about_running_again(t *testing.T) {
	for _, c := range []struct {
		name, sql  string
		unrecorded bool
		want       Idempotency
	}{
		{"guards", "CREATE TABLE IF NOT EXISTS a(i int); DROP INDEX IF EXISTS x; INSERT INTO a VALUES (1) ON " +
			"CONFLICT DO NOTHING;", false, Guarded},
		{"a transaction that is recorded", "CREATE TABLE a(i int);", false, Atomic},
		{"a runner without a record", "CREATE TABLE a(i int);", true, NotIdempotent},
		{"a guard in a block", "DO $$ BEGIN IF NOT EXISTS (SELECT 1) THEN CREATE TABLE a(i int); END IF; END $$", true,
			Guarded},
		{"a concurrent index has a probe", "CREATE INDEX CONCURRENTLY i ON orders(total);", false, Atomic},
		{"an update that counts", "UPDATE orders SET total = total + 1 WHERE id = 1;", true, NotIdempotent},
		{"no transaction and no probe", "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p;", false, NotIdempotent},
	} {
		r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(c.sql)}}, Catalog: baseCatalog(),
			Policy: Policy{Unrecorded: c.unrecorded}})
		if r.Idempotent != c.want {
			t.Errorf("%s: got %s, want %s", c.name, r.Idempotent, c.want)
		}
		if blocked := strings.Contains(rulesOf(r), "block:not-idempotent"); blocked != (c.want == NotIdempotent) {
			t.Errorf("%s: findings %s", c.name, rulesOf(r))
		}
	}
}

func TestReview_makes_size_matter_for_locks_only(t *testing.T) {
	checkRules(t, baseCatalog(), Policy{}, []ruleCase{
		{"a small table may be locked", "CREATE INDEX ON orders(total);", "info:index-not-concurrent"},
		{"a small table may not be dropped", "DROP TABLE orders;", "block:drop-table"},
		{"a small table may not lose a name", "ALTER TABLE orders RENAME total TO sum;", "block:rename-column"},
	})
}

func TestReview_blocks_what_it_cannot_read_with_the_place(t *testing.T) {
	for name, c := range map[string]struct {
		sql, rule string
		line, col int
	}{
		"syntax":           {"SELECT 1;\n SELEC", "unreviewable", 2, 2},
		"a psql command":   {"SELECT 1;\n\\i other.sql", "unreviewable", 2, 1},
		"Latin-1":          {"SELECT '\xe6'", "unreviewable", 1, 9},
		"a stray ROLLBACK": {"SELECT 1;\nROLLBACK;", "transaction-control", 2, 1},
		"inside a body":    {"SELECT 1;\n\nDO $$\nBEGIN\n  EXECUTE current_user;\nEND $$", "dynamic-sql", 5, 11},
	} {
		r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(c.sql)}}})
		if len(r.Findings) == 0 || r.Verdict != Block || r.Compatibility != Unknown {
			t.Errorf("%s: %+v", name, r)
			continue
		}
		if f := r.Findings[0]; f.Rule != c.rule || f.Line != c.line || f.Column != c.col {
			t.Errorf("%s: got %s at %d:%d, want %s at %d:%d", name, f.Rule, f.Line, f.Column, c.rule, c.line, c.col)
		}
		if r.Coverage.Reviewed == r.Coverage.Total && c.rule != "transaction-control" && name != "a psql command" {
			t.Errorf("%s: coverage %+v", name, r.Coverage)
		}
	}
}

func TestReview_says_whether_the_running_image_works(t *testing.T) {
	for sql, want := range map[string]Compatibility{
		"CREATE TABLE a(i int)":                                 Compatible,
		"ALTER TABLE orders ADD c int":                          Compatible,
		"ALTER TABLE orders ADD c int NOT NULL":                 Incompatible,
		"CREATE UNIQUE INDEX CONCURRENTLY i ON orders(total)":   Conditional,
		"ALTER TABLE orders ALTER total SET NOT NULL":           Conditional,
		"ALTER TABLE orders ADD CHECK (total > 0) NOT VALID":    Conditional,
		"ALTER TYPE order_state ADD VALUE 'x'":                  Conditional,
		"UPDATE orders SET state = 'a' WHERE id = 1":            Conditional,
		"DROP VIEW active_customers":                            Incompatible,
		"SELEC":                                                 Unknown,
		"DROP TABLE orders; DO $$ BEGIN EXECUTE user; END $$":   Incompatible,
		"ALTER TABLE orders ALTER total DROP NOT NULL":          Conditional,
		"GRANT SELECT ON orders TO PUBLIC":                      Compatible,
		"ALTER TABLE orders ALTER state SET DEFAULT 'x'":        Compatible,
		"ALTER TABLE customers ALTER name TYPE varchar(200)":    Compatible,
		"ALTER TABLE orders ALTER total TYPE bigint":            Conditional,
		"TRUNCATE orders":                                       Incompatible,
		"CREATE TABLE b(i int); ALTER TABLE b ADD CHECK (i> 0)": Compatible,
	} {
		if r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(sql)}},
			Catalog: baseCatalog()}); r.Compatibility != want {
			t.Errorf("%s: got %s, want %s", sql, r.Compatibility, want)
		}
	}
}

func TestReview_carries_state_over_only_when_asked(t *testing.T) {
	files := []File{{Name: "1.sql", SQL: []byte("CREATE TABLE a(i int);")},
		{Name: "2.sql", SQL: []byte("CREATE INDEX ON a(i);")}}
	if r := Review(Input{Files: files, Policy: Policy{Sequence: true}}); r.Verdict != Pass {
		t.Errorf("in sequence: %s", rulesOf(r))
	}
	if r := Review(Input{Files: files}); r.Verdict != Block {
		t.Errorf("apart: %s", rulesOf(r))
	}
}

func TestFinding_keeps_its_fingerprint_when_it_moves(t *testing.T) {
	print := func(sql string) string {
		return Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(sql)}}}).Findings[0].Fingerprint
	}
	if a, b := print("DROP TABLE a;"), print("-- moved\n\nDROP   TABLE a;"); a != b {
		t.Errorf("%s became %s", a, b)
	}
	if print("DROP TABLE a;") == print("DROP TABLE b;") {
		t.Error("two tables share a fingerprint")
	}
}

func TestRules_are_complete_and_named_once(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range rules.Analyzers() {
		r := a.Rule
		if seen[r.ID] || r.ID == "" || r.Why == "" || r.Do == "" || r.Family == "" || r.Severity == "" ||
			a.Check == nil {
			t.Errorf("rule %+v", r)
		}
		seen[r.ID] = true
	}
}
