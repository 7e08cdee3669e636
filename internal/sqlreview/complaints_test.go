package sqlreview

import (
	"bytes"
	"strings"
	"testing"
)

// What people complained about in the trackers of reviewers, each as a case here.
func TestComplaints_are_answered(t *testing.T) {
	const recipe = "ALTER TABLE customers ADD CONSTRAINT k CHECK (email IS NOT NULL) NOT VALID; ALTER TABLE " +
		"customers VALIDATE CONSTRAINT k; ALTER TABLE customers ALTER email SET NOT NULL; ALTER TABLE customers DROP " +
		"CONSTRAINT k;"
	with := func(version int) *Catalog { c := baseCatalog(); c.ServerVersion = version; return c }
	base := baseCatalog()
	base.Tables[0].Checks = []Check{{Name: "named", Expression: "(name IS NOT NULL)", Columns: []string{"name"},
		Valid: true}}
	checkRules(t, base, Policy{AssumeRows: 10_000_000}, []ruleCase{
		{"sbdchd/squawk#528 DDL in a DO block with an IF is seen",
			"DO $$ BEGIN IF EXISTS (SELECT 1) THEN ALTER TABLE orders DROP COLUMN total; END IF; END $$;",
			"block:drop-column"},
		{"sbdchd/squawk#411 the body of a called function is read",
			"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE orders; END $$; SELECT f();",
			"block:drop-table"},
		{"sbdchd/squawk#411 the body of a function that is only made stays quiet",
			"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE orders; END $$;", ""},
		{"sbdchd/squawk#349 an index right after CREATE TABLE", "CREATE TABLE a(i int); CREATE INDEX ON a(i);", ""},
		{"sbdchd/squawk#349 an index right after CREATE TABLE, in a transaction",
			"BEGIN; CREATE TABLE a(i int); CREATE INDEX ON a(i); COMMIT;", ""},
		{"sbdchd/squawk#332 CONCURRENTLY in a transaction", "BEGIN; CREATE INDEX CONCURRENTLY i ON orders(total); " +
			"COMMIT;", "block:concurrently-in-tx"},
		{"sbdchd/squawk#220 a foreign key in CREATE TABLE", "CREATE TABLE a(i int PRIMARY KEY, o bigint REFERENCES " +
			"orders(id));", ""},
		{"sbdchd/squawk#945 and #962 a foreign key in CREATE TABLE stays as it is",
			"CREATE TABLE a(o bigint, FOREIGN KEY (o) REFERENCES orders(id));", ""},
		{"sbdchd/squawk#647 a foreign key on a freshly added nullable column",
			"ALTER TABLE orders ADD COLUMN c bigint REFERENCES customers(id);", ""},
		{"sbdchd/squawk#628 the documented recipe passes", recipe, ""},
		{"sbdchd/squawk#300 SET NOT NULL rests on a CHECK that the database has validated",
			"ALTER TABLE customers ALTER name SET NOT NULL;", ""},
		{"sbdchd/squawk#300 SET NOT NULL rests on nothing when the CHECK is about another column",
			"ALTER TABLE customers ALTER phone SET NOT NULL;", "block:set-not-null-scan"},
		{"sbdchd/squawk#628 the recipe in two transactions passes", "BEGIN; ALTER TABLE orders ADD bar bigint; ALTER " +
			"TABLE orders ADD CONSTRAINT k CHECK (bar IS NOT NULL) NOT VALID; COMMIT; BEGIN; ALTER TABLE orders " +
			"VALIDATE CONSTRAINT k; ALTER TABLE orders ALTER bar SET NOT NULL; ALTER TABLE orders DROP CONSTRAINT k; " +
			"COMMIT;", ""},
		{"sbdchd/squawk#519 SET NOT NULL", "ALTER TABLE customers ALTER email SET NOT NULL;",
			"block:set-not-null-scan"},
		{"sbdchd/squawk#1033 an unrelated VALIDATE proves nothing", "ALTER TABLE customers ADD CONSTRAINT k CHECK " +
			"(name <> 'x') NOT VALID; ALTER TABLE customers VALIDATE CONSTRAINT k; ALTER TABLE customers ALTER email " +
			"SET NOT NULL;", "block:set-not-null-scan"},
		{"sbdchd/squawk#645 CURRENT_TIMESTAMP is not volatile",
			"ALTER TABLE orders ADD c timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP;", ""},
		{"sbdchd/squawk#645 ARRAY[] is not volatile",
			"ALTER TABLE orders ADD c text[] NOT NULL DEFAULT ARRAY[]::text[];", ""},
		{"sbdchd/squawk#388 and #390 a constant default", "ALTER TABLE orders ADD c text NOT NULL DEFAULT 'x';", ""},
		{"sbdchd/squawk#137 varchar without a length", "ALTER TABLE orders ADD c varchar;", ""},
		{"sbdchd/squawk#152 DROP TABLE is no index problem", "DROP TABLE orders;", "block:drop-table"},
		{"sbdchd/squawk#385 no IF NOT EXISTS inside START TRANSACTION",
			"START TRANSACTION; CREATE TABLE a(i int); COMMIT;", ""},
		{"sbdchd/squawk#974 an ignore comment with trailing text silences nothing",
			"-- fairlead:ignore-file and why\nDROP TABLE orders;", "block:drop-table block:bad-exception"},
		{"sbdchd/squawk#833 an unknown rule is an error", "-- fairlead:allow no-such-rule reason=\"a reason that is " +
			"long\" until=2099-01-01\nDROP TABLE orders;", "block:drop-table block:bad-exception"},
		{"sbdchd/squawk#479 ON UPDATE CASCADE ON DELETE CASCADE",
			"CREATE TABLE a(o bigint REFERENCES orders(id) ON UPDATE CASCADE ON DELETE CASCADE);", ""},
		{"kaaveland/eugene#110 a CHECK inside ADD COLUMN with a default",
			"ALTER TABLE orders ADD c int DEFAULT 1 CHECK (c > 0);", "block:check-not-valid"},
		{"ariga/atlas#1851 CONCURRENTLY with a schema",
			"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON public.orders(total);", ""},
		{"ariga/atlas#3343 and #3467 a rename is a rename", "ALTER TABLE orders RENAME COLUMN total TO sum;",
			"block:rename-column"},
		{"ankane/strong_migrations#303 an index on a column that has no statistics",
			"ALTER TABLE orders ADD c bigint; CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON orders(c);",
			"warn:index-without-statistics"},
		{"ankane/strong_migrations#303 an index on an expression, which has no statistics",
			"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON orders(lower(state));", "warn:index-without-statistics"},
		{"ankane/strong_migrations#303 an ANALYZE that follows", "ALTER TABLE orders ADD c bigint; CREATE INDEX " +
			"CONCURRENTLY IF NOT EXISTS i ON orders(c); ANALYZE orders(c);", ""},
		{"ankane/strong_migrations#303 an ANALYZE of other columns", "ALTER TABLE orders ADD c bigint; CREATE INDEX " +
			"CONCURRENTLY IF NOT EXISTS i ON orders(c); ANALYZE orders(total);", "warn:index-without-statistics"},
		{"ankane/strong_migrations#303 an index on a column that has been analysed",
			"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON orders(state);", ""},
		{"kaaveland/eugene#109 an UPDATE while a trigger's lock stops writers", "BEGIN; CREATE TRIGGER t BEFORE " +
			"INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f(); UPDATE orders SET state = 'x' WHERE state = 'y'; " +
			"COMMIT;", "warn:create-trigger warn:work-under-lock"},
		{"kaaveland/eugene#109 an UPDATE of one table while another's writers wait", "BEGIN; ALTER TABLE orders ADD " +
			"FOREIGN KEY (customer_id) REFERENCES customers NOT VALID; UPDATE audit_log SET msg = 'x' WHERE msg = " +
			"'y'; COMMIT;", "warn:work-under-lock"},
		{"ankane/strong_migrations#65 raw SQL is read", "DELETE FROM orders;", "block:delete-no-where"},
	})
	t.Run("sbdchd/squawk#200 a volatile default, whatever the version", func(t *testing.T) {
		for _, version := range []int{0, 130000, 150018, 180000} {
			r := Review(Input{Files: []File{
				{Name: "m.sql", SQL: []byte("ALTER TABLE orders ADD c uuid DEFAULT gen_random_uuid();")}},
				Catalog: with(version), Policy: Policy{AssumeRows: 1e7}})
			if rulesOf(r) != "block:volatile-default" {
				t.Errorf("version %d: %s", version, rulesOf(r))
			}
		}
	})
	t.Run("sbdchd/squawk#364 a whole history is not all new", func(t *testing.T) {
		files := []File{{Name: "1.sql", SQL: []byte("CREATE TABLE a(i int);")},
			{Name: "2.sql", SQL: []byte("ALTER TABLE a DROP COLUMN i;")}}
		if r := Review(Input{Files: files}); rulesOf(r) != "block:drop-column" {
			t.Errorf("without --sequence: %s", rulesOf(r))
		}
	})
	t.Run("sbdchd/squawk#331 the setting of the runner is named", func(t *testing.T) {
		r := Review(Input{Files: []File{{Name: "V2__i.sql", SQL: []byte("CREATE INDEX i ON orders(total);")}}})
		if !strings.Contains(r.Findings[0].Do, "executeInTransaction=false") {
			t.Error(r.Findings[0].Do)
		}
	})
	t.Run("kaaveland/eugene#109 work under a weaker lock that an earlier statement holds", func(t *testing.T) {
		r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte("BEGIN; ALTER TABLE orders ADD CONSTRAINT k " +
			"CHECK (total > 1) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT k; COMMIT;")}}})
		if !strings.Contains(rulesOf(r), "block:validate-same-tx") {
			t.Error(rulesOf(r))
		}
	})
	t.Run("ankane/strong_migrations#165 an exception gives its reason in writing", func(t *testing.T) {
		r := reviewed("-- fairlead:allow drop-table reason=\"unused since 41, ticket 123\" until=2099-01-01\nDROP " +
			"TABLE orders;")
		var out bytes.Buffer
		_ = Text(&out, r, nil)
		if !strings.Contains(out.String(), "unused since 41, ticket 123") {
			t.Error(out.String())
		}
	})
	t.Run("sqlfluff#1327, #4329 and pgsanity#28 psql commands are named, with their place", func(t *testing.T) {
		r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte("SELECT 1;\n\\set ON_ERROR_STOP on\nSELECT 2;")}}})
		if r.Findings[0].Line != 2 || r.Coverage.Reviewed != 2 {
			t.Errorf("%+v %+v", r.Findings[0], r.Coverage)
		}
	})
	t.Run("sbdchd/squawk#508, #149 and #254 exceptions are read in every position that is documented",
		func(t *testing.T) {
			for _, sql := range []string{
				"-- fairlead:allow drop-table reason=\"unused since 41, ticket 123\" until=2099-01-01\r\nDROP TABLE " +
					"orders;",
				"SELECT 1; -- fairlead:allow drop-table reason=\"unused since 41, ticket 123\" " +
					"until=2099-01-01\nDROP TABLE orders;",
				"  --fairlead:allow drop-table  reason=\"unused since 41, ticket 123\"  until=2099-01-01  \n\n-- " +
					"why\nDROP TABLE orders;",
			} {
				if r := reviewed(sql); r.Verdict != Pass {
					t.Errorf("%q: %s", sql, rulesOf(r))
				}
			}
		})
}
