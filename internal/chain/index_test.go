package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// counting gives a summarizer that counts how often it is asked.
func counting(version string, asked *int) Summarizer {
	return Summarizer{Version: version, Of: func(lines [][]byte, next []byte) (json.RawMessage, error) {
		*asked++
		return json.Marshal(fmt.Sprintf("%d lines, next %d bytes", len(lines), len(next)))
	}}
}

func TestEntries_come_from_the_index_and_from_segments_where_it_is_stale(t *testing.T) {
	asked := 0
	d := OpenDir(t.TempDir())
	d.Summarizer = counting("1", &asked)
	story(t, d, 6)
	fresh, err := d.Entries(0)
	if err != nil || len(fresh) != 6 || fresh[0].Run != "r-6" || fresh[5].Run != "r-1" {
		t.Fatalf("%d entries, %v", len(fresh), err)
	}
	path := filepath.Join(d.path, indexName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		index []byte
		asked int
	}{
		"whole":                  {whole, 1}, // the last segment is never in the index
		"missing its last entry": {whole[:lastStart(whole)], 2},
		"torn":                   {whole[:len(whole)-9], 2},
		"empty":                  {nil, 6},
		"rubbish":                {[]byte("{\n\x00\n[]\n"), 6},
	} {
		if err := os.WriteFile(path, c.index, 0o660); err != nil {
			t.Fatal(err)
		}
		asked = 0
		got, err := d.Entries(0)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(fresh) {
			t.Errorf("index %s:\ngot  %v, %v\nwant %v", name, got, err, fresh)
		}
		if asked != c.asked {
			t.Errorf("index %s: %d segments were summarized, want %d", name, asked, c.asked)
		}
	}
	if two, err := d.Entries(2); err != nil || len(two) != 2 || two[1].Run != "r-5" {
		t.Errorf("the newest two: %v, %v", two, err)
	}
}

// lastStart gives where the last line of b begins.
func lastStart(b []byte) int {
	for i := len(b) - 2; i >= 0; i-- {
		if b[i] == '\n' {
			return i + 1
		}
	}
	return 0
}

func TestIndex_is_made_anew_by_the_next_opening_when_it_is_stale(t *testing.T) {
	for name, damage := range map[string]func(d *Dir, path string){
		"missing": func(d *Dir, path string) { os.Remove(path) },
		"torn":    func(d *Dir, path string) { b, _ := os.ReadFile(path); os.WriteFile(path, b[:len(b)-5], 0o660) },
		"of another version": func(d *Dir, path string) {
			n := 0
			d.Summarizer = counting("2", &n)
		},
	} {
		asked := 0
		d := OpenDir(t.TempDir())
		d.Summarizer = counting("1", &asked)
		h := story(t, d, 4)
		damage(d, filepath.Join(d.path, indexName))
		add(t, d, h, "x", "r-5", "opened")
		s := d.Summarizer
		asked = 0
		d.Summarizer.Of = counting(s.Version, &asked).Of
		if e, err := d.Entries(0); err != nil || len(e) != 5 || asked != 1 {
			t.Errorf("index %s: %d entries, %v, %d segments were summarized, want 1", name, len(e), err, asked)
		}
	}
}

func TestEntries_keep_a_run_that_cannot_be_summarized(t *testing.T) {
	d := OpenDir(t.TempDir())
	d.Summarizer = Summarizer{Of: func([][]byte, []byte) (json.RawMessage, error) {
		return nil, errors.New("of a newer schema")
	}}
	story(t, d, 2)
	e, err := d.Entries(0)
	if err != nil || len(e) != 2 || e[1].Problem != "of a newer schema" || e[1].Summary != nil {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestIndex_of_an_edited_segment_never_hides_the_edit_from_Verify(t *testing.T) {
	d := OpenDir(t.TempDir())
	story(t, d, 3)
	rewrite(t, d, "00000001-r-1.jsonl", func(l [][]byte) [][]byte { return l[:2] })
	if _, err := d.Entries(0); err != nil {
		t.Errorf("a listing from a good index: %v", err)
	}
	if _, _, err := Verify(d.Lines()); !errors.Is(err, ErrBroken) {
		t.Errorf("verify: %v, want ErrBroken", err)
	}
}

func TestEntries_do_not_believe_the_index_of_another_chain(t *testing.T) {
	asked := 0
	other := OpenDir(t.TempDir())
	other.Summarizer = counting("1", &asked)
	var h Hash
	for i := range 4 {
		h = add(t, other, h, fmt.Sprint("other-", i), fmt.Sprint("r-", i+1), "opened")
	}
	foreign, err := os.ReadFile(filepath.Join(other.path, indexName))
	if err != nil {
		t.Fatal(err)
	}
	d := OpenDir(t.TempDir())
	d.Summarizer = counting("1", &asked)
	head := story(t, d, 4)
	want, err := d.Entries(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.path, indexName), foreign, 0o660); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Entries(0); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v, %v\nwant %v", got, err, want)
	}
	add(t, d, head, "x", "r-5", "opened")
	asked = 0
	if _, err := d.Entries(0); err != nil || asked != 1 {
		t.Errorf("after the next opening %d segments were summarized, %v; want 1", asked, err)
	}
}
