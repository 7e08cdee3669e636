package sqlreview

import "testing"

func TestReview_overlooks_no_call_whatever_its_spelling(t *testing.T) {
	const made = `CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DROP TABLE orders; RETURN 1; END $$; ` +
		`CREATE FUNCTION "G""x"() RETURNS int LANGUAGE sql AS 'DROP TABLE orders'; `
	for _, sql := range []string{
		"SELECT f();", "SELECT F ( );", `SELECT "f"();`, "SELECT public.f();", `SELECT U&"\0066"();`,
		`SELECT u&"!0066" UESCAPE '!' ();`, `SELECT "G""x"();`, `SELECT U&"\0047\0022x"();`,
		"INSERT INTO audit_log SELECT f();", "UPDATE orders SET total = f() WHERE id = 1;",
		"DELETE FROM orders WHERE id = f();", "CREATE TABLE a AS SELECT f();",
		"SELECT 1 /* ( */ + f/* x */();", "INSERT INTO audit_log VALUES (f()::text) ON CONFLICT DO NOTHING;",
		"DO $$ BEGIN IF f() > 0 THEN NULL; END IF; END $$;",
		"DO $$ BEGIN IF EXISTS (SELECT f()) THEN DROP INDEX x; END IF; END $$;",
		"DO $$ DECLARE i int := f(); BEGIN NULL; END $$;",
		"DO $$ BEGIN INSERT INTO audit_log VALUES (f()::text); END $$;",
	} {
		r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(made + sql)}}, Catalog: baseCatalog()})
		if !containsRule(r, "drop-table") {
			t.Errorf("%s: the body is not read: %s", sql, rulesOf(r))
		}
	}
	for _, sql := range []string{"SELECT dblink('a', 'b');", `SELECT U&"dbl\0069nk"('a', 'b');`,
		"DO $$ BEGIN IF EXISTS (SELECT DBLINK_exec('a', 'b')) THEN DROP INDEX x; END IF; END $$;"} {
		if r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(sql)}}, Catalog: baseCatalog()}); !containsRule(
			r, "dynamic-sql") {
			t.Errorf("%s: %s", sql, rulesOf(r))
		}
	}
}

func containsRule(r Report, rule string) bool {
	for _, f := range r.Findings {
		if f.Rule == rule {
			return true
		}
	}
	return false
}
