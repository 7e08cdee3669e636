package dir

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"fairlead/internal/ledger/ledgertest"
)

func TestLedger_keeps_the_contract(t *testing.T) {
	ledgertest.Exercise(t, func(t *testing.T) ledgertest.Fixture {
		top := t.TempDir()
		p := filepath.Join(top, "shop", "production")
		return ledgertest.Fixture{
			Open:      func(*testing.T) ledgertest.Handle { return Open(p) },
			Insist:    func(_ *testing.T, id string) ledgertest.Handle { return Open(p).Expecting(id) },
			Lose:      func(t *testing.T) { check(t, os.RemoveAll(p)) },
			Footprint: func(t *testing.T) string { return footprint(t, top) },
			Tear: func(t *testing.T) {
				files := segments(t, p)
				last := files[len(files)-1]
				b := read(t, last)
				check(t, os.WriteFile(last, b[:len(b)-40], 0o660))
			},
			Edit: func(t *testing.T, n int) {
				change(t, p, n, func(l [][]byte, i int) [][]byte {
					l[i] = bytes.Replace(l[i], []byte(`"fence":1`), []byte(`"fence":2`), 1)
					return l
				})
			},
			Swap: func(t *testing.T, n int) {
				change(t, p, n, func(l [][]byte, i int) [][]byte { l[i], l[i+1] = l[i+1], l[i]; return l })
			},
			Cut: func(t *testing.T, n int) {
				change(t, p, n, func(l [][]byte, i int) [][]byte { return slices.Delete(l, i, i+1) })
			},
		}
	})
}

// segments gives the files of a ledger in order.
func segments(t *testing.T, path string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(path, "segments", "*.jsonl"))
	check(t, err)
	sort.Strings(files)
	return files
}

// change rewrites the segment in which line n of the chain stands.
func change(t *testing.T, path string, n int, how func(lines [][]byte, i int) [][]byte) {
	t.Helper()
	for _, f := range segments(t, path) {
		lines := bytes.Split(bytes.TrimSuffix(read(t, f), []byte("\n")), []byte("\n"))
		if n < len(lines) {
			check(t, os.WriteFile(f, append(bytes.Join(how(lines, n), []byte("\n")), '\n'), 0o660))
			return
		}
		n -= len(lines)
	}
	t.Fatalf("the chain has no such line")
}

// footprint lists all below a directory, with what is in it.
func footprint(t *testing.T, top string) string {
	t.Helper()
	var all strings.Builder
	check(t, filepath.WalkDir(top, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		all.WriteString(p + "\n")
		if e.Type().IsRegular() {
			all.Write(read(t, p))
		}
		return nil
	}))
	return all.String()
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	return b
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}
