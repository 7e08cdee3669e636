package step

import (
	"strings"
	"testing"
)

func TestParser_refuses_by_line_what_needs_markers(t *testing.T) {
	for sql, line := range map[string]string{
		"SELECT 1; BEGIN; SELECT 2; COMMIT;":               "",
		"SELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (a);": "line 2: CREATE INDEX CONCURRENTLY",
		"VACUUM t": "line 1: VACUUM",
	} {
		_, err := Parser{Markerless: true}.Parse(Migration{File: "m.sql", SQL: []byte(sql)})
		if line == "" && err != nil || line != "" && (err == nil || !strings.Contains(err.Error(), line)) {
			t.Errorf("%q gives %v, want %q", sql, err, line)
		}
	}
}
