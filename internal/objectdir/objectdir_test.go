package objectdir

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSweep_tells_what_it_would_remove_and_leaves_it(t *testing.T) {
	d := Dir{Path: t.TempDir()}
	old := time.Now().Add(-48 * time.Hour)
	left := filepath.Join(d.Path, partialPrefix+"a.ABCDEFGH"+partialSuffix)
	if err := os.WriteFile(left, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		before time.Time
		dry    bool
		found  int
		there  bool
	}{
		{"older ones only", old.Add(-time.Hour), false, 0, true},
		{"dry", time.Now(), true, 1, true},
		{"for good", time.Now(), false, 1, false},
	} {
		got, err := d.Sweep(c.before, c.dry)
		if err != nil || len(got) != c.found {
			t.Errorf("%s: swept %v (error %v), want %d", c.name, got, err, c.found)
		}
		if _, err := os.Stat(left); (err == nil) != c.there {
			t.Errorf("%s: it is there: %v, want %v", c.name, err == nil, c.there)
		}
	}
}

func TestGroup_may_read_where_it_is_asked_for(t *testing.T) {
	for _, group := range []bool{false, true} {
		d := Dir{Path: filepath.Join(t.TempDir(), "a"), Group: group}
		p, err := d.Begin("x")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Commit(); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(filepath.Join(d.Path, "x"))
		if err != nil || (st.Mode().Perm()&0o040 != 0) != group || st.Mode().Perm()&0o007 != 0 {
			t.Errorf("group %v: the mode is %v (error %v)", group, st.Mode(), err)
		}
	}
}

func TestSameDisk_is_told_for_a_directory_that_is_not_there_yet(t *testing.T) {
	top := t.TempDir()
	d := Dir{Path: filepath.Join(top, "a", "b")}
	if !d.SameDisk(top) {
		t.Error("its own parent is on another disk")
	}
	if d.SameDisk("/proc") || d.SameDisk(filepath.Join(top, "nothing")) {
		t.Error("another file system, or nothing at all, is on the same disk")
	}
}
