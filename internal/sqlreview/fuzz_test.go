package sqlreview

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/sqltext/fuzztest"
)

func FuzzReview(f *testing.F) {
	fuzztest.Corpus(f)
	files, err := filepath.Glob("testdata/cases/*.sql")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	statements, err := os.ReadFile("testdata/oracle/statements.sql")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range strings.Split(string(statements), "\n-- case ") {
		_, sql, _ := strings.Cut(part, "\n")
		f.Add([]byte(sql))
	}
	f.Add([]byte(efBlock("1", "DROP TABLE a;") + "-- fairlead:allow drop-table reason=\"a reason that is long\" " +
		"until=2099-01-01\nDROP TABLE b;"))
	f.Fuzz(func(t *testing.T, sql []byte) {
		sources := map[string][]byte{"m.sql": sql}
		for _, c := range []*Catalog{nil, baseCatalog()} {
			r := Review(Input{Files: []File{{Name: "m.sql", SQL: sql}}, Catalog: c, Now: day("2026-11-24")})
			if r.Coverage.Reviewed > r.Coverage.Total {
				t.Fatalf("coverage %+v", r.Coverage)
			}
			if r.Coverage.Reviewed < r.Coverage.Total && r.Verdict != Block {
				t.Fatalf("not all was read, and the verdict is %s", r.Verdict)
			}
			if Text(io.Discard, r, sources) != nil || Markdown(io.Discard, r, sources) != nil ||
				SARIF(io.Discard, r) != nil || Annotations(io.Discard, r) != nil {
				t.Fatal("a report cannot be written")
			}
		}
	})
}
