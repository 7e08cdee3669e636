package sqlreview

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

func FuzzReview(f *testing.F) {
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
	f.Fuzz(func(t *testing.T, sql []byte) {
		sources := map[string][]byte{"m.sql": sql}
		for _, c := range []*Catalog{nil, baseCatalog()} {
			r := Review(Input{Files: []File{{"m.sql", sql}}, Catalog: c})
			if r.Coverage.Reviewed > r.Coverage.Total {
				t.Fatalf("coverage %+v", r.Coverage)
			}
			if r.Coverage.Reviewed < r.Coverage.Total && r.Verdict != Block {
				t.Fatalf("not all was read, and the verdict is %s", r.Verdict)
			}
			if Text(io.Discard, r, sources) != nil || Markdown(io.Discard, r, sources) != nil {
				t.Fatal("a report cannot be written")
			}
		}
	})
}
