package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// line makes a record of the least that a chain reads.
func line(prev Hash, id, run, verdict string) []byte {
	b, err := json.Marshal(Link{Prev: prev, ID: id, Run: run, Verdict: verdict})
	if err != nil {
		panic(err)
	}
	return b
}

// add appends and fails the test when it cannot.
func add(t *testing.T, d *Dir, after Hash, id, run, verdict string) Hash {
	t.Helper()
	h, err := d.Append(after, line(after, id, run, verdict))
	if err != nil {
		t.Fatalf("append %s after %q: %v", id, after, err)
	}
	return h
}

// story writes runs segments of three records each and gives the head.
func story(t *testing.T, d *Dir, runs int) Hash {
	t.Helper()
	var h Hash
	for i := range runs {
		run := fmt.Sprintf("r-%d", i+1)
		h = add(t, d, h, run+"-a", run, "opened")
		h = add(t, d, h, run+"-b", run, "began")
		h = add(t, d, h, run+"-c", run, "closed")
	}
	return h
}

// tree lists every file and directory below a path with its bytes.
func tree(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			all[p] = "directory"
			return err
		}
		b, err := os.ReadFile(p)
		all[p] = string(b)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

// lastFile gives the path of the newest segment.
func lastFile(t *testing.T, d *Dir) string {
	t.Helper()
	l, err := d.list()
	if err != nil || len(l.segments) == 0 {
		t.Fatalf("list: %v, %d segments", err, len(l.segments))
	}
	return filepath.Join(d.path, segmentsName, l.segments[len(l.segments)-1].name)
}

func TestDir_gives_back_what_was_written_and_begins_a_segment_at_each_opening(t *testing.T) {
	d := OpenDir(filepath.Join(t.TempDir(), "app", "production"))
	head := story(t, d, 3)
	ledger, got, last, err := d.Head()
	if err != nil || ledger != "r-1-a" || got != head || len(last) != 3 || !bytes.Contains(last[0], []byte("r-3-a")) {
		t.Fatalf("head: ledger %q, %s, %d lines, %v", ledger, got, len(last), err)
	}
	lines, err := d.Segment("r-2")
	if err != nil || len(lines) != 3 || !bytes.Contains(lines[2], []byte("r-2-c")) {
		t.Fatalf("segment r-2: %d lines, %v", len(lines), err)
	}
	if lines, err := d.Segment("r-9"); err != nil || lines != nil {
		t.Fatalf("unknown run: %d lines, %v", len(lines), err)
	}
	count, vhead, err := Verify(d.Lines())
	if err != nil || count != 9 || vhead != head {
		t.Fatalf("verify: %d lines, %s, %v", count, vhead, err)
	}
}

func TestDir_creates_nothing_when_it_is_read(t *testing.T) {
	top := t.TempDir()
	d := OpenDir(filepath.Join(top, "none"))
	ledger, head, last, err := d.Head()
	if ledger != "" || head != "" || last != nil || err != nil {
		t.Errorf("head of nothing: %q %q %v %v", ledger, head, last, err)
	}
	if _, err := d.Segment("r"); err != nil {
		t.Error(err)
	}
	if n, _, err := Verify(d.Lines()); n != 0 || err != nil {
		t.Error(n, err)
	}
	if e, err := d.Entries(0); e != nil || err != nil {
		t.Error(e, err)
	}
	if _, err := d.Blob(strings.Repeat("0", 64)); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	after := Sum([]byte("something"))
	if _, err := d.Append(after, line(after, "x", "r", "began")); !errors.Is(err, ErrMissing) {
		t.Errorf("append to nothing: %v", err)
	}
	if got := tree(t, top); len(got) != 1 {
		t.Errorf("reading created %v", got)
	}
}

func TestDir_reading_changes_no_byte(t *testing.T) {
	d := OpenDir(t.TempDir())
	story(t, d, 3)
	if err := os.Remove(filepath.Join(d.path, indexName)); err != nil {
		t.Fatal(err)
	}
	f := lastFile(t, d)
	b, _ := os.ReadFile(f)
	if err := os.WriteFile(f, b[:len(b)-4], 0o660); err != nil {
		t.Fatal(err)
	}
	before := tree(t, d.path)
	d.Head()
	d.Segment("r-3")
	d.Entries(0)
	Verify(d.Lines())
	if after := tree(t, d.path); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("before %v\nafter %v", before, after)
	}
}

func TestAppend_is_overtaken_when_somebody_else_wrote_and_succeeds_when_it_was_itself(t *testing.T) {
	d := OpenDir(t.TempDir())
	one := add(t, d, "", "a", "r", "opened")
	mine := line(one, "mine", "r", "began")
	two, err := d.Append(one, mine)
	if err != nil {
		t.Fatal(err)
	}
	before := tree(t, d.path)
	if again, err := d.Append(one, mine); err != nil || again != two {
		t.Errorf("the same record again: %s, %v; want %s", again, err, two)
	}
	if _, err := d.Append(one, line(one, "other", "r", "began")); !errors.Is(err, ErrOvertaken) ||
		!strings.Contains(err.Error(), "mine") {
		t.Errorf("another record after the old head: %v, want ErrOvertaken that names the last record", err)
	}
	if _, err := d.Append("", line("", "other", "r2", "opened")); !errors.Is(err, ErrOvertaken) {
		t.Errorf("a second creation: %v, want ErrOvertaken", err)
	}
	if after := tree(t, d.path); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("a refused record changed the directory")
	}
}

func TestAppend_succeeds_again_when_the_answer_to_the_first_record_was_lost(t *testing.T) {
	d := OpenDir(t.TempDir())
	first := line("", "a", "r", "opened")
	h, err := d.Append("", first)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.Append("", first); err != nil || again != h {
		t.Fatalf("%s, %v; want %s", again, err, h)
	}
}

func TestAppend_refuses_a_record_that_cannot_stand_there(t *testing.T) {
	d := OpenDir(t.TempDir())
	h := story(t, d, 1)
	for name, c := range map[string]struct {
		line []byte
		want error
	}{
		"names another record before it": {line(Sum([]byte("x")), "a", "r-1", "began"), ErrBroken},
		"belongs to another run":         {line(h, "a", "r-2", "began"), ErrBroken},
		"opens a run that is no name":    {line(h, "a", "../r", "opened"), ErrBroken},
		"opens a run of a hidden name":   {line(h, "a", ".new-r", "opened"), ErrBroken},
		"has no id":                      {line(h, "", "r-1", "began"), ErrBroken},
		"is no JSON":                     {[]byte("{"), ErrBroken},
		"holds a line break":             {append(line(h, "a", "r-1", "began"), '\n'), ErrBroken},
		"is longer than MaxLine":         {line(h, strings.Repeat("a", MaxLine), "r-1", "began"), ErrTooLong},
	} {
		if _, err := d.Append(h, c.line); !errors.Is(err, c.want) {
			t.Errorf("a record that %s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := OpenDir(filepath.Join(t.TempDir(), "x")).Append("",
		line("", "a", "r", "began")); !errors.Is(err, ErrBroken) {
		t.Errorf("a chain that begins in the middle of a run: %v", err)
	}
	if _, got, _, err := d.Head(); got != h || err != nil {
		t.Errorf("head is %s, %v; want %s", got, err, h)
	}
}

func TestDir_tells_what_was_edited(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(t *testing.T, d *Dir)
		says   string
	}{
		"a changed byte in an old segment": {func(t *testing.T, d *Dir) {
			rewrite(t, d, "00000001-r-1.jsonl", func(l [][]byte) [][]byte {
				l[1] = bytes.Replace(l[1], []byte("began"), []byte("noted"), 1)
				return l
			})
		}, "segment 1 (r-1), line 3"},
		"two lines in another order": {func(t *testing.T, d *Dir) {
			rewrite(t, d, "00000002-r-2.jsonl", func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l })
		}, "segment 2 (r-2), line 2"},
		"a line taken out": {func(t *testing.T, d *Dir) {
			rewrite(t, d, "00000003-r-3.jsonl", func(l [][]byte) [][]byte { return slices.Delete(l, 1, 2) })
		}, "segment 3 (r-3), line 2"},
		"the last line of an old segment taken out": {func(t *testing.T, d *Dir) {
			rewrite(t, d, "00000002-r-2.jsonl", func(l [][]byte) [][]byte { return l[:2] })
		}, "segment 3"},
		"an old segment cut in the middle of a line": {func(t *testing.T, d *Dir) {
			p := filepath.Join(d.path, segmentsName, "00000001-r-1.jsonl")
			b, _ := os.ReadFile(p)
			os.WriteFile(p, b[:len(b)-3], 0o660)
		}, "segment 1 (r-1), line 3"},
		"a segment taken out": {func(t *testing.T, d *Dir) {
			os.Remove(filepath.Join(d.path, segmentsName, "00000002-r-2.jsonl"))
		}, "segment 2 is due"},
		"a line of rubbish at the end": {func(t *testing.T, d *Dir) {
			f, _ := os.OpenFile(lastFile(t, d), os.O_APPEND|os.O_WRONLY, 0)
			f.WriteString("rubbish\n")
			f.Close()
		}, "segment 3 (r-3), line 4"},
	} {
		t.Run(name, func(t *testing.T) {
			d := OpenDir(t.TempDir())
			story(t, d, 3)
			c.damage(t, d)
			_, _, err := Verify(d.Lines())
			if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("verify says %v, want ErrBroken at %q", err, c.says)
			}
		})
	}
}

// rewrite changes the lines of one segment.
func rewrite(t *testing.T, d *Dir, name string, change func([][]byte) [][]byte) {
	t.Helper()
	p := filepath.Join(d.path, segmentsName, name)
	b, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	l := change(bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")))
	if err := os.WriteFile(p, append(bytes.Join(l, []byte("\n")), '\n'), 0o660); err != nil {
		t.Fatal(err)
	}
}

func TestDir_refuses_symbolic_links_and_pipes(t *testing.T) {
	for name, damage := range map[string]func(d *Dir, file string){
		"a segment that is a link": func(d *Dir, file string) {
			os.Rename(file, file+".x")
			os.Symlink(file+".x", file)
		},
		"a segment that is a pipe": func(d *Dir, file string) { os.Remove(file); syscall.Mkfifo(file, 0o600) },
		"segments that is a link": func(d *Dir, file string) {
			p := filepath.Join(d.path, segmentsName)
			os.Rename(p, p+".x")
			os.Symlink(p+".x", p)
		},
		"a directory that is a link": func(d *Dir, file string) {
			os.Rename(d.path, d.path+".x")
			os.Symlink(d.path+".x", d.path)
		},
	} {
		d := OpenDir(filepath.Join(t.TempDir(), "l"))
		h := story(t, d, 1)
		damage(d, lastFile(t, d))
		if _, _, _, err := d.Head(); err == nil {
			t.Errorf("%s was read", name)
		}
		if _, err := d.Append(h, line(h, "x", "r-1", "noted")); err == nil {
			t.Errorf("%s was written to", name)
		}
	}
	d := OpenDir(t.TempDir())
	h := story(t, d, 1)
	os.Remove(filepath.Join(d.path, lockName))
	os.Symlink(filepath.Join(d.path, "elsewhere"), filepath.Join(d.path, lockName))
	if _, err := d.Append(h, line(h, "x", "r-1", "noted")); err == nil {
		t.Error("a lock that is a link was taken")
	}
}

func TestDir_shares_with_the_group_whatever_the_umask(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	d := OpenDir(filepath.Join(t.TempDir(), "app", "production"))
	story(t, d, 2)
	name, err := d.Put([]byte("blob"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{
		"..": dirMode, ".": dirMode, segmentsName: dirMode, blobsName: dirMode,
		lockName: fileMode, indexName: fileMode, "segments/00000001-r-1.jsonl": fileMode, "blobs/" + name: fileMode,
	} {
		info, err := os.Stat(filepath.Join(d.path, path))
		if err != nil || info.Mode()&(fs.ModePerm|fs.ModeSetgid) != want {
			t.Errorf("%s has %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestAppend_lets_exactly_one_of_many_goroutines_win_each_place(t *testing.T) {
	d := OpenDir(t.TempDir())
	h := add(t, d, "", "a", "r", "opened")
	for round := range 10 {
		var wins, losses int
		var next Hash
		var mu sync.Mutex
		var all sync.WaitGroup
		for w := range 8 {
			all.Go(func() {
				got, err := OpenDir(d.path).Append(h, line(h, fmt.Sprintf("%d-%d", round, w), "r", "noted"))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					wins, next = wins+1, got
				case errors.Is(err, ErrOvertaken):
					losses++
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if wins != 1 || losses != 7 {
			t.Fatalf("round %d: %d won, %d were overtaken; want 1 and 7", round, wins, losses)
		}
		h = next
	}
}

func TestBlob_gives_back_what_was_put_and_notices_a_change(t *testing.T) {
	d := OpenDir(filepath.Join(t.TempDir(), "new"))
	name, err := d.Put([]byte("select 1"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.Put([]byte("select 1")); err != nil || again != name {
		t.Errorf("again: %s, %v", again, err)
	}
	if b, err := d.Blob(name); err != nil || string(b) != "select 1" {
		t.Errorf("%q, %v", b, err)
	}
	if ledger, _, _, err := d.Head(); ledger != "" || err != nil {
		t.Errorf("a blob made a ledger: %q, %v", ledger, err)
	}
	if err := os.WriteFile(filepath.Join(d.path, blobsName, name), []byte("select 2"), 0o660); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Blob(name); !errors.Is(err, ErrBroken) {
		t.Errorf("a changed blob: %v, want ErrBroken", err)
	}
	if _, err := d.Put([]byte("select 1")); err != nil {
		t.Error(err)
	}
	if b, err := d.Blob(name); err != nil || string(b) != "select 1" {
		t.Errorf("after putting it again: %q, %v", b, err)
	}
	for _, bad := range []string{"", "../lock", strings.Repeat("0", 64), strings.ToUpper(name)} {
		if _, err := d.Blob(bad); !errors.Is(err, ErrMissing) {
			t.Errorf("blob %q: %v, want ErrMissing", bad, err)
		}
	}
	if _, err := d.Put(make([]byte, MaxBlob+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("a blob too large: %v", err)
	}
}

func TestHead_tells_that_the_end_of_the_run_before_was_edited(t *testing.T) {
	d := OpenDir(t.TempDir())
	h := story(t, d, 3)
	rewrite(t, d, "00000002-r-2.jsonl", func(l [][]byte) [][]byte {
		l[2] = bytes.Replace(l[2], []byte("closed"), []byte("failed"), 1)
		return l
	})
	if _, _, _, err := d.Head(); !errors.Is(err, ErrBroken) {
		t.Errorf("head: %v, want ErrBroken", err)
	}
	if _, err := d.Append(h, line(h, "x", "r-3", "noted")); !errors.Is(err, ErrBroken) {
		t.Errorf("append: %v, want ErrBroken", err)
	}
}
