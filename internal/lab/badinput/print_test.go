//go:build real

package badinput

import (
	"fmt"
	"strings"
	"testing"
)

// print is everything that must stay as it is: containers, files on the host (compose files, .env with owner and mode,
// ledger, what the host knows), and the database.
type print struct{ containers, files, database string }

func (s *site) print(t *testing.T) print {
	t.Helper()
	ctx := patience(t)
	all, err := s.Containers(ctx)
	must(t, err)
	var p print
	for _, c := range all {
		p.containers += fmt.Sprintln(c.Service, c.ID[:12], c.State, c.Digest)
	}
	// The parts of the ledger's lock are no content: a reader may make and leave an empty lock file.
	find := `find ` + s.Dir + ` ! -type d -printf '%p %u:%g %m %l\n' -type f -exec sha256sum {} ';' | sort`
	out, err := s.Lab.HostCommand(ctx, "sh", "-c", find).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p.files = string(out)
	p.database = s.schema(t)
	return p
}

// schema lists every column of every table, and the rows that fairlead keeps.
func (s *site) schema(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	ask := func(sql string) {
		rows, err := s.Rows(patience(t), sql)
		must(t, err)
		for _, r := range rows {
			fmt.Fprintln(&text, strings.Join(r, " "))
		}
	}
	ask(`SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns
		WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3`)
	rows, err := s.Rows(patience(t), `SELECT to_regclass('fairlead.fence') IS NOT NULL`)
	must(t, err)
	if rows[0][0] == "t" {
		ask(`SELECT f::text FROM fairlead.fence f`)
		ask(`SELECT a::text FROM fairlead.applied a ORDER BY 1`)
	}
	return text.String()
}

// same fails the test where something changed.
func (p print) same(t *testing.T, now print) {
	t.Helper()
	for name, both := range map[string][2]string{
		"the containers": {p.containers, now.containers}, "the files on the host": {p.files, now.files},
		"the database": {p.database, now.database},
	} {
		if both[0] != both[1] {
			t.Errorf("%s changed (- before, + after):\n%s", name, differing(both[0], both[1]))
		}
	}
}

// differing lists the lines that only one of both has.
func differing(before, after string) string {
	var text strings.Builder
	for _, side := range []struct{ sign, of, other string }{{"- ", before, after}, {"+ ", after, before}} {
		for l := range strings.Lines(side.of) {
			if !strings.Contains(side.other, l) {
				text.WriteString(side.sign + l)
			}
		}
	}
	return text.String()
}
