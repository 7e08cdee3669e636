// Package fuzztest gives fuzz tests what earlier hours of fuzzing found worth keeping. It is test-only.
package fuzztest

import (
	"archive/zip"
	"io"
	"testing"
)

// Corpus adds the files of the test's testdata/corpus.zip: each takes another way through the code.
func Corpus(f *testing.F) {
	f.Helper()
	z, err := zip.OpenReader("testdata/corpus.zip")
	if err != nil {
		f.Fatal(err)
	}
	defer z.Close()
	for _, e := range z.File {
		r, err := e.Open()
		if err != nil {
			f.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}
