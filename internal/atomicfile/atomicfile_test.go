package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite_replaces_a_file_and_leaves_nothing_beside_it(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, ".env")
	for _, content := range []string{"one", "two", ""} {
		if err := Write(name, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || string(got) != content {
			t.Errorf("the file reads %q (error %v), want %q", got, err, content)
		}
	}
	st, err := os.Stat(name)
	if err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v (error %v), want 0640", st.Mode(), err)
	}
	only(t, dir, ".env")
}

func TestWrite_follows_no_working_directory_but_its_own(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := Write("plan.json", []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	only(t, ".", "plan.json")
}

func TestWrite_that_fails_leaves_what_was_there_and_names_the_file(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	if err := Write(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no owner")
	for what, err := range map[string]error{
		"an owner that cannot be given": WritePrepared(name, []byte("new"), func(*os.File) error { return refused }),
		"a folder in its place":         Write(dir, []byte("new"), 0o600),
		"no folder":                     Write(filepath.Join(dir, "b", "a"), []byte("new"), 0o600),
	} {
		if err == nil || !strings.Contains(err.Error(), "write "+dir) || strings.Contains(err.Error(), temporary) {
			t.Errorf("%s: %v, want an error that names the file and no other", what, err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "old" {
		t.Errorf("the file reads %q (error %v)", got, err)
	}
	only(t, dir, "a")
}

func TestIsTemporary_knows_the_names_that_a_dead_writer_leaves(t *testing.T) {
	dir := t.TempDir()
	var hidden string
	err := WritePrepared(filepath.Join(dir, "a.jsonl"), nil, func(f *os.File) error {
		hidden = filepath.Base(f.Name())
		return fs.ErrPermission
	})
	if !errors.Is(err, fs.ErrPermission) || !IsTemporary(hidden) || IsTemporary("a.jsonl") ||
		IsTemporary("a.fairlead-1") {
		t.Errorf("%q is temporary: %v (error %v)", hidden, IsTemporary(hidden), err)
	}
}

// only fails unless the directory holds that one file.
func only(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("there are %v (error %v), want %s alone", entries, err, name)
	}
}
