package chain

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// twin copies a directory.
func twin(t *testing.T, d *Dir) *Dir {
	t.Helper()
	c := OpenDir(filepath.Join(t.TempDir(), "twin"))
	if err := os.CopyFS(c.path, os.DirFS(d.path)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDir_cut_at_every_byte_of_its_last_line_is_as_before_that_line(t *testing.T) {
	for name, last := range map[string]string{"a line in a run": "noted", "the line that opens a run": "opened"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := OpenDir(t.TempDir())
			before := story(t, d, 2)
			run := "r-2"
			if last == "opened" {
				run = "r-3"
			}
			l := line(before, "last", run, last)
			after := add(t, d, before, "last", run, last)
			whole, err := os.ReadFile(lastFile(t, d))
			if err != nil {
				t.Fatal(err)
			}
			for cut := range len(l) + 2 {
				c := twin(t, d)
				if err := os.WriteFile(lastFile(t, c), whole[:len(whole)-cut], 0o660); err != nil {
					t.Fatal(err)
				}
				want := before
				if cut == 0 {
					want = after
				}
				if ledger, head, _, err := c.Head(); head != want || err != nil || ledger != "r-1-a" {
					t.Fatalf("%d bytes cut: head %s of %q, %v; want %s", cut, head, ledger, err, want)
				}
				if cut > 2 && cut < len(l)-2 && cut%8 != 0 {
					continue // the disk is slow; the writer's part is the same for all cuts
				}
				got, err := c.Append(before, l)
				if err != nil || got != after {
					t.Fatalf("%d bytes cut: the same record again gives %s, %v; want %s", cut, got, err, after)
				}
				next := add(t, c, after, "next", run, "noted")
				if n, head, err := Verify(c.Lines()); n != 8 || head != next || err != nil {
					t.Fatalf("%d bytes cut: %d lines up to %s, %v; want 8 up to %s", cut, n, head, err, next)
				}
			}
		})
	}
}

func TestDir_passes_over_a_last_line_with_holes(t *testing.T) {
	d := OpenDir(t.TempDir())
	before := story(t, d, 1)
	f := lastFile(t, d)
	whole, _ := os.ReadFile(f)
	if err := os.WriteFile(f, append(append(whole, make([]byte, 4096)...), "}\n"...), 0o660); err != nil {
		t.Fatal(err)
	}
	if _, head, _, err := d.Head(); head != before || err != nil {
		t.Fatalf("head %s, %v; want %s", head, err, before)
	}
	next := add(t, d, before, "x", "r-1", "noted")
	if n, head, err := Verify(d.Lines()); n != 4 || head != next || err != nil {
		t.Fatalf("%d lines, %s, %v", n, head, err)
	}
}

func TestDir_goes_on_beside_what_a_dead_writer_left(t *testing.T) {
	d := OpenDir(t.TempDir())
	h := story(t, d, 1)
	left := filepath.Join(d.path, segmentsName, ".00000002-r-2.jsonl.fairlead-dead")
	if err := os.WriteFile(left, line(h, "x", "r-2", "opened")[:10], 0o660); err != nil {
		t.Fatal(err)
	}
	if _, head, _, err := d.Head(); head != h || err != nil {
		t.Fatalf("head %s, %v", head, err)
	}
	add(t, d, h, "y", "r-2", "opened")
	if _, err := os.Stat(left); !absent(err) {
		t.Errorf("the leftover is still there: %v", err)
	}
}

func TestDir_is_created_where_a_creator_died(t *testing.T) {
	for name, left := range map[string]func(p string){
		"after the directory": func(p string) { os.MkdirAll(p, 0o770) },
		"after the segments":  func(p string) { os.MkdirAll(filepath.Join(p, segmentsName), 0o770) },
		"with a file half made": func(p string) {
			os.MkdirAll(p, 0o770)
			os.WriteFile(filepath.Join(p, lockName), nil, 0o660)
		},
	} {
		d := OpenDir(filepath.Join(t.TempDir(), "l"))
		left(d.path)
		if _, head, _, err := d.Head(); head != "" || err != nil {
			t.Errorf("%s: head %s, %v; want none", name, head, err)
		}
		add(t, d, "", "a", "r", "opened")
	}
}

func FuzzDir_never_panics_whatever_lies_in_a_segment(f *testing.F) {
	one := line("", "a", "r", "opened")
	two := line(Sum(one), "b", "r", "noted")
	whole := bytes.Join([][]byte{one, two, nil}, []byte("\n"))
	f.Add(whole)
	f.Add(whole[:len(whole)-5])
	f.Add([]byte("\n\n"))
	f.Add([]byte("{}\n"))
	f.Add([]byte{0, '\n'})
	f.Add(append(bytes.Clone(whole), 0, 0, '\n'))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, last := range []bool{false, true} {
			c, err := parseSegmentData(data, "r", last)
			if err != nil {
				if !errors.Is(err, ErrBroken) && !errors.Is(err, ErrTooLong) {
					t.Fatalf("an error of no kind: %v", err)
				}
				continue
			}
			if c.good > c.size ||
				!bytes.Equal(data[:c.good], append(bytes.Join(c.lines, []byte("\n")), tail1(c.lines)...)) {
				t.Fatalf("%d good bytes of %d do not give the lines %q", c.good, c.size, c.lines)
			}
		}
	})
}

// tail1 is the last newline of lines that are not none.
func tail1(lines [][]byte) []byte {
	if len(lines) == 0 {
		return nil
	}
	return []byte("\n")
}

func FuzzDir_lists_whatever_lies_in_the_index(f *testing.F) {
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"segment":1,"run":"r-1","last":"sha256:00"}` + "\n"))
	f.Add([]byte("\n"))
	d := OpenDir(f.TempDir())
	var h Hash
	for i, run := range []string{"r-1", "r-2", "r-3"} {
		var err error
		if h, err = d.Append(h, line(h, fmt.Sprint(i), run, "opened")); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(d.path, indexName), data, 0o660); err != nil {
			t.Fatal(err)
		}
		e, err := d.Entries(0)
		if err != nil || len(e) != 3 || e[0].Run != "r-3" || e[1].Run != "r-2" || e[2].Run != "r-1" {
			t.Fatalf("%+v, %v", e, err)
		}
	})
}

func TestDir_opens_the_next_run_behind_a_torn_line(t *testing.T) {
	d := OpenDir(t.TempDir())
	h := story(t, d, 1)
	f := lastFile(t, d)
	whole, _ := os.ReadFile(f)
	if err := os.WriteFile(f, append(whole, line(h, "torn", "r-1", "noted")[:20]...), 0o660); err != nil {
		t.Fatal(err)
	}
	next := add(t, d, h, "x", "r-2", "opened")
	if n, head, err := Verify(d.Lines()); n != 4 || head != next || err != nil {
		t.Fatalf("%d lines up to %s, %v; want 4 up to %s", n, head, err, next)
	}
}

func TestDir_opens_another_run_where_an_opening_was_torn(t *testing.T) {
	d := OpenDir(t.TempDir())
	h := story(t, d, 1)
	torn := newSegment(2, "r-torn").name
	if err := os.WriteFile(filepath.Join(d.path, segmentsName, torn), line(h, "torn", "r-torn", "opened")[:20],
		0o660); err != nil {
		t.Fatal(err)
	}
	next := add(t, d, h, "x", "r-2", "opened")
	if n, head, err := Verify(d.Lines()); n != 4 || head != next || err != nil {
		t.Fatalf("%d lines up to %s, %v; want 4 up to %s", n, head, err, next)
	}
}
