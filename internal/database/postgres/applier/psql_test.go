//go:build postgres

package applier

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqltext"
)

// The seven ways in which psql ends with status 0 on a wrong result, and what happens here. Each script means to put
// the rows 1, 2 and 4 into a table; the statement with 1/0 is the one that goes wrong.
func TestRun_is_not_fooled_in_the_seven_ways_in_which_psql_is(t *testing.T) {
	const bad = "INSERT INTO effect SELECT 1/0;\n"
	const stop = "-v ON_ERROR_STOP=1"
	for name, c := range map[string]struct {
		flags, sql string
		pipe       bool
		psql       string // rows that psql leaves although it says 0
		refused    string // why the script is not begun; "": it is begun, fails and leaves nothing
	}{
		"an error in the middle, no flags": {"", "INSERT INTO effect VALUES (1);\nINSERT INTO effect " +
			"VALUES (2);\n" + bad + "INSERT INTO effect VALUES (4);\n", false, "1 2 4", ""},
		"an error in the middle, -1": {"-1", "INSERT INTO effect VALUES (1);\nINSERT INTO effect " +
			"VALUES (2);\n" + bad + "INSERT INTO effect VALUES (4);\n", false, "", ""},
		"a pipe behind it": {stop, "INSERT INTO effect VALUES (1);\nINSERT INTO effect " +
			"VALUES (2);\n" + bad + "INSERT INTO effect VALUES (4);\n", true, "1 2", ""},
		"BEGIN without COMMIT": {stop, "BEGIN;\nINSERT INTO effect VALUES (1);\nINSERT INTO " +
			"effect VALUES (2);\nINSERT INTO effect VALUES (4);\n", false, "", "has no COMMIT"},
		"a stray ROLLBACK": {"-1 " + stop,
			"INSERT INTO effect VALUES (1);\nINSERT INTO effect VALUES (2);\nROLLBACK;\nINSERT INTO effect VALUES " +
				"(4);\n", false, "4", "ROLLBACK would undo"},
		`\q in the file`: {stop, "INSERT INTO effect VALUES (1);\nINSERT INTO effect " +
			"VALUES (2);\n\\q\nINSERT INTO effect VALUES (4);\n", false, "1 2", "is a psql command"},
		`\unset ON_ERROR_STOP`: {stop, "\\unset ON_ERROR_STOP\nINSERT INTO effect VALUES " +
			"(1);\nINSERT INTO effect VALUES (2);\n" + bad + "INSERT INTO effect VALUES (4);\n", false, "1 2 4",
			"is a psql command"},
		"an index CONCURRENTLY, -1 (an eighth way)": {"-1", "INSERT INTO effect VALUES (1);\nCREATE INDEX " +
			"CONCURRENTLY ix_effect ON effect (n);\nINSERT INTO effect VALUES (2);\n", false, "", "works"},
	} {
		t.Run(name, func(t *testing.T) {
			url := servertest.Table(t)
			rows := func() string {
				return servertest.Ask[string](t, url, "SELECT coalesce(string_agg(n::text, ' ' ORDER BY n), '') "+
					"FROM effect")
			}
			if status := psql(t, url, c.flags, c.sql, c.pipe); status != 0 {
				t.Fatalf("psql ends with status %d: it has learned", status)
			}
			if got := rows(); got != c.psql {
				t.Fatalf("psql leaves the rows %q, want %q", got, c.psql)
			}
			servertest.Admin(t, url, "TRUNCATE effect")
			script, err := sqltext.Parse([]byte(c.sql))
			if c.refused != "" && c.refused != "works" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("the script is read with error %v, want %q", err, c.refused)
				}
				t.Logf("psql: status 0, rows %q. fairlead: not begun: %v", c.psql, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			d, j := opened(t, url), servertest.NewJob(script)
			_, err = apply.Run(t.Context(), d, d, j.Job)
			if c.refused == "works" {
				if err != nil || rows() != "1 2" || valid(t, url, "ix_effect") != 1 {
					t.Errorf("error %v, rows %q", err, rows())
				}
				t.Logf("psql: status 0, nothing there. fairlead: applied in %d units", len(j.Units))
				return
			}
			var f *apply.Failure
			if !errors.As(err, &f) || f.Statement == nil || f.Statement.Line != 3 || rows() != "" {
				t.Errorf("error %v, rows %q; want a failure at line 3 and no rows", err, rows())
			}
			t.Logf("psql: status 0, rows %q. fairlead: %v; no rows", c.psql, err)
		})
	}
}

// psql runs the script as a file, in a shell when its output goes through a pipe.
func psql(t *testing.T, url, flags, sql string, pipe bool) int {
	t.Helper()
	file := filepath.Join(t.TempDir(), "migration.sql")
	if err := os.WriteFile(file, []byte(sql), 0o600); err != nil {
		t.Fatal(err)
	}
	line := `psql "$URL" -X -q ` + flags + ` -f "$FILE" 2>&1`
	if pipe {
		line += " | cat"
	}
	cmd := exec.Command("sh", "-c", line)
	cmd.Env = append(os.Environ(), "URL="+url, "FILE="+file)
	out, err := cmd.CombinedOutput()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		t.Fatalf("psql: %v: %s", err, out)
	}
	return cmd.ProcessState.ExitCode()
}
