package sqlreview

import (
	"os"
	"testing"
)

func BenchmarkReview_of_all_cases(b *testing.B) {
	entries, err := os.ReadDir("testdata/cases")
	if err != nil {
		b.Fatal(err)
	}
	var files []File
	for _, e := range entries {
		if len(e.Name()) > 4 && e.Name()[len(e.Name())-4:] == ".sql" {
			sql, err := os.ReadFile("testdata/cases/" + e.Name())
			if err != nil {
				b.Fatal(err)
			}
			files = append(files, File{Name: e.Name(), SQL: sql})
		}
	}
	c := baseCatalog()
	for b.Loop() {
		Review(Input{Files: files, Catalog: c})
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(files)), "µs/file")
}
