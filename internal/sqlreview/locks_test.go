package sqlreview

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestRules_about_locks_that_are_held(t *testing.T) {
	checkRules(t, baseCatalog(), Policy{AssumeRows: 10_000_000}, []ruleCase{
		{"an update after a strong lock", "BEGIN; ALTER TABLE orders ADD c int; UPDATE customers SET name = 'x' " +
			"WHERE id = 1; COMMIT;", "warn:work-under-lock"},
		{"an update in a transaction of its own", "BEGIN; ALTER TABLE orders ADD c int; COMMIT; BEGIN; UPDATE " +
			"customers SET name = 'x' WHERE id = 1; COMMIT;", ""},
		{"rows that are given", "BEGIN; ALTER TABLE orders ADD c int; INSERT INTO audit_log VALUES ('x'); COMMIT;", ""},
		{"rows of a table made here", "BEGIN; ALTER TABLE orders ADD c int; CREATE TABLE a(i int); UPDATE a SET i = " +
			"1; COMMIT;", ""},
		{"a lock on a table made here", "BEGIN; CREATE TABLE a(i int); ALTER TABLE a ADD c int; UPDATE customers SET " +
			"name = 'x' WHERE id = 1; COMMIT;", ""},
		{"lock_timeout is off", "SET LOCAL lock_timeout = 0;", "warn:lock-timeout-off"},
		{"lock_timeout is off, in words", "SET lock_timeout = '0s';", "warn:lock-timeout-off"},
		{"lock_timeout is the server's", "SET lock_timeout TO DEFAULT;", "warn:lock-timeout-off"},
		{"lock_timeout is on", "SET lock_timeout = '10s';", ""},
		{"another setting", "SET statement_timeout = 0;", ""},
	})
}

func TestWillFail_is_claimed_only_where_it_is_certain(t *testing.T) {
	checkRules(t, baseCatalog(), Policy{AssumeRows: 10_000_000}, []ruleCase{
		{"a table that is not there", "ALTER TABLE nowhere ADD c int;", "block:will-fail"},
		{"a table that is not there, guarded", "ALTER TABLE IF EXISTS nowhere ADD c int;", ""},
		{"under a condition", "DO $$ BEGIN IF false THEN ALTER TABLE nowhere ADD c int; END IF; END $$;", ""},
		{"in an exception handler's block", "DO $$ BEGIN ALTER TABLE nowhere ADD c int; EXCEPTION WHEN others THEN " +
			"NULL; END $$;", ""},
		{"after something that nobody can follow", "SELECT customer_label(1); ALTER TABLE nowhere ADD c int;",
			"warn:called-function"},
		{"after an extension, which may bring tables", "CREATE EXTENSION IF NOT EXISTS postgis; SELECT 1; ALTER " +
			"TABLE spatial_ref_sys ADD c int;", ""},
		{"in a schema that the catalog leaves out", "ALTER TABLE pg_catalog.nowhere ADD c int;", ""},
		{"a table that was renamed", "ALTER TABLE audit_log RENAME TO l; ALTER TABLE audit_log ADD c int;",
			"block:rename-table block:will-fail"},
		{"a table under its new name", "ALTER TABLE audit_log RENAME TO l; ALTER TABLE l ADD c int;",
			"block:rename-table"},
		{"a temporary table", "CREATE TEMP TABLE x(i int); ALTER TABLE x ADD c int; INSERT INTO x VALUES (1);", ""},
		{"a column that the script added", "ALTER TABLE orders ADD c int; ALTER TABLE orders ALTER c SET DEFAULT 1; " +
			"CREATE INDEX CONCURRENTLY i ON orders(c);", "warn:index-without-statistics"},
		{"the owner of a sequence", "CREATE SEQUENCE s; ALTER TABLE s OWNER TO CURRENT_USER;", "warn:owner-change"},
		{"the name of an index that went with its constraint", "ALTER TABLE orders DROP CONSTRAINT orders_pkey; " +
			"CREATE UNIQUE INDEX CONCURRENTLY orders_pkey ON orders(id);", ""},
		{"the name of an index that went with its column",
			"ALTER TABLE orders DROP COLUMN state; CREATE INDEX CONCURRENTLY orders_state_idx ON orders(total);",
			"block:drop-column"},
		{"an attribute of a type", "CREATE TYPE p AS (a int); ALTER TYPE p RENAME ATTRIBUTE a TO b; ALTER TYPE p ADD " +
			"ATTRIBUTE c int;", ""},
		{"a sequence that a column brought", "CREATE TABLE x(id serial); ALTER TABLE x_id_seq OWNER TO CURRENT_USER;",
			"warn:owner-change"},
		{"a key on an index without a name", "CREATE TABLE x(a int, b int); CREATE UNIQUE INDEX ON x(a); CREATE " +
			"TABLE y(a int REFERENCES x(a));", ""},
		{"a key on columns that are not unique", "CREATE TABLE x(a int, b int); CREATE TABLE y(a int REFERENCES x(a));",
			"block:will-fail"},
		{"a trigger that may have been made", "DO $$ BEGIN IF true THEN CREATE TRIGGER t BEFORE INSERT ON audit_log " +
			"EXECUTE FUNCTION f(); END IF; END $$; DROP TRIGGER t ON audit_log;",
			"warn:create-trigger warn:drop-object"},
		{"a CTE hides nothing that is written to", "WITH nowhere AS (SELECT 1) INSERT INTO audit_log SELECT 'x' FROM " +
			"nowhere;", ""},
	})
	checkRules(t, nil, Policy{}, []ruleCase{
		{"without a catalog nothing is certain", "ALTER TABLE nowhere ADD c int;", ""},
		{"but what the script itself did is", "CREATE TABLE a(i int); CREATE TABLE a(i int);", "block:will-fail"},
		{"a column of a table made here", "CREATE TABLE a(i int); CREATE INDEX ON a(j);", "block:will-fail"},
		{"a table that is LIKE another has columns nobody knows", "CREATE TABLE a(LIKE b); CREATE INDEX ON a(j);", ""},
	})
}

func TestWillFail_leaves_an_index_to_the_applier_that_a_broken_build_left(t *testing.T) {
	c := baseCatalog()
	c.Tables[1].Indexes = append(c.Tables[1].Indexes, Index{Name: "half", Columns: []string{"total"}})
	checkRules(t, c, Policy{AssumeRows: 1e7},
		[]ruleCase{{"it is built again", "CREATE INDEX CONCURRENTLY half ON orders(total);", ""}})
}

func TestReview_ends_when_relations_go_round_in_a_circle(t *testing.T) {
	c := baseCatalog()
	c.Tables = append(c.Tables,
		Table{Schema: "public", Name: "v", Kind: KindView, Uses: []Use{{Schema: "public", Table: "w", Column: "a"}},
			Columns: []Column{column("a", "int", false, false)}},
		Table{Schema: "public", Name: "w", Kind: KindView, Uses: []Use{{Schema: "public", Table: "v", Column: "a"},
			{Schema: "public", Table: "orders", Column: "id"}}, Columns: []Column{column("a", "int", false, false)}})
	for _, sql := range []string{
		"ALTER TABLE audit_log INHERIT loose_events; ALTER TABLE loose_events INHERIT audit_log; ALTER TABLE " +
			"audit_log ADD c int; DROP TABLE audit_log CASCADE;",
		"DROP TABLE orders CASCADE; DROP VIEW v CASCADE;",
		"ALTER TABLE orders DROP COLUMN id CASCADE;",
		"CREATE TABLE a() INHERITS (a);",
		"CREATE TABLE a(i int REFERENCES a); DROP TABLE a CASCADE; TRUNCATE a CASCADE;",
	} {
		if r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(sql)}}, Catalog: c}); r.Coverage.Total == 0 {
			t.Errorf("%s: %+v", sql, r)
		}
	}
}

func TestReview_says_the_same_each_time(t *testing.T) {
	c := baseCatalog()
	for i := range c.Tables {
		c.Tables[i].Triggers = []Trigger{{Name: "t", Function: Ref{Schema: "public", Name: "bump"}, Enabled: true}}
	}
	const sql = "DROP FUNCTION bump(); DROP SCHEMA reporting; DROP TYPE order_state; DROP TABLE orders; TRUNCATE " +
		"customers CASCADE; BEGIN; ALTER TABLE orders ADD c int; ALTER TABLE customers ADD c int; UPDATE tickets SET " +
		"id = 1; COMMIT;"
	first, _ := json.Marshal(Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(sql)}}, Catalog: c}))
	for range 50 {
		if again, _ := json.Marshal(Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(sql)}},
			Catalog: c})); !bytes.Equal(first, again) {
			t.Fatalf("first\n%s\nthen\n%s", first, again)
		}
	}
}
