package sqltext

import (
	"strings"
	"testing"
)

// unknown is SQL of a server that is newer than the grammar here.
const unknown = "ALTER TABLE t ADD CONSTRAINT c NOT NULL a NOT VALID"

func TestParseOrWhole_takes_whole_only_what_the_grammar_does_not_know(t *testing.T) {
	for name, c := range map[string]struct {
		sql   string
		whole bool
		// of the unit
		text string
	}{
		"known": {"SELECT 1; SELECT 2;", false, "SELECT 1; SELECT 2"},
		"newer": {"\ufeff-- a\r\n" + unknown + ";\nSELECT 1; -- end\n", true,
			unknown + ";\nSELECT 1;"},
		"a body with END": {"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; " + unknown, true,
			"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; " + unknown},
		"words of ends elsewhere": {"INSERT INTO t VALUES ('; COMMIT;'); /* ; ROLLBACK */ PREPARE p AS SELECT 1; " +
			unknown, true, ""},
		"a dollar quote":        {"DO $$ BEGIN; COMMIT; END $$; " + unknown, true, ""},
		"a column of that name": {"CREATE TABLE t (a int, \"commit\" int, \"end\" int); " + unknown, true, ""},
	} {
		script, whole, err := ParseOrWhole([]byte(c.sql))
		if err != nil || whole != c.whole || len(script.Units) != 1 {
			t.Errorf("%s: whole %v, %d units, error %v", name, whole, len(script.Units), err)
			continue
		}
		u := script.Units[0]
		if c.text != "" && script.Text(u) != c.text {
			t.Errorf("%s: the unit is %q", name, script.Text(u))
		}
		if whole && (u.Kind != Undivided || len(u.Statements) != 1 || u.Statements[0].SQL != script.Text(u)) {
			t.Errorf("%s: the unit is %+v", name, u)
		}
	}
}

func TestParseOrWhole_refuses_what_would_leave_the_transaction(t *testing.T) {
	for sql, want := range map[string]Code{
		"COMMIT":                       CodeTransaction,
		"; ;\n/* x */ commit":          CodeTransaction,
		"Rollback to a":                CodeTransaction,
		"abort":                        CodeTransaction,
		"END":                          CodeTransaction,
		"BEGIN":                        CodeTransaction,
		"START TRANSACTION":            CodeTransaction,
		"SAVEPOINT a":                  CodeTransaction,
		"RELEASE a":                    CodeTransaction,
		"PREPARE TRANSACTION 'p'":      CodeTransaction,
		"\\q":                          CodeMeta,
		"SELECT 1 \\gexec":             CodeMeta,
		"SELECT :x":                    CodeMeta,
		"COPY t FROM stdin;\n1\n\\.\n": CodeSyntax,
		"SELECT 'never ends":           CodeSyntax,
		"SELECT \x00":                  CodeEncoding,
	} {
		for _, text := range []string{unknown + ";\n" + sql, sql + ";\n" + unknown} {
			script, _, err := ParseOrWhole([]byte(text))
			e := AsSyntaxError(err)
			if e == nil && sql == "SELECT :x" && strings.HasPrefix(text, unknown) {
				// the server refuses it
				continue
			}
			if e == nil || len(script.Units) != 0 {
				t.Errorf("%q is taken", text)
				continue
			}
			if e.Code != want && !strings.Contains(sql, "stdin") {
				t.Errorf("%q gives %s (%v), want %s", text, e.Code, e, want)
			}
		}
	}
}
