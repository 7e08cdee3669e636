package dir

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/backup/backuptest"
	"fairlead/internal/config"
)

func noVariables(string) (string, bool) { return "", false }

func opened(t *testing.T, change ...func(*Config)) *Store {
	t.Helper()
	c := Config{Path: config.Path(filepath.Join(t.TempDir(), "deep", "backups"))}
	for _, f := range change {
		f(&c)
	}
	s, err := Open(c, noVariables)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// hidden gives the only partial file.
func hidden(t *testing.T, s *Store) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.Location(), ".fairlead-*.part"))
	if err != nil || len(all) != 1 {
		t.Fatalf("the partial files are %v (error %v), want one", all, err)
	}
	return all[0]
}

// place is a directory in which backups are kept.
func place(t *testing.T, path string) backuptest.Fixture {
	return backuptest.Fixture{
		Open: func(t *testing.T) backuptest.Store {
			return opened(t, func(c *Config) { c.Path, c.MinFree = config.Path(path), 0 })
		},
		Hidden: func(t *testing.T) []string {
			t.Helper()
			all, err := filepath.Glob(filepath.Join(path, ".fairlead-*"))
			if err != nil {
				t.Fatal(err)
			}
			return all
		},
		Damage: func(t *testing.T, name string) {
			t.Helper()
			b, err := os.ReadFile(filepath.Join(path, name))
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 1
			if err := os.WriteFile(filepath.Join(path, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestStore_keeps_the_contract(t *testing.T) {
	backuptest.Exercise(t, func(t *testing.T) backuptest.Fixture { return place(t, t.TempDir()) })
}

func TestOpen_refuses_a_runners_disk_unless_it_is_declared_durable(t *testing.T) {
	for _, c := range []struct {
		name, variable, value string
		durable, refused      bool
	}{
		{"GitHub's runner", "GITHUB_ACTIONS", "true", false, true},
		{"GitLab's runner", "GITLAB_CI", "true", false, true},
		{"some other runner", "CI", "1", false, true},
		{"a runner with a volume that stays", "CI", "true", true, false},
		{"a variable that says no", "CI", "false", false, false},
		{"an empty variable", "CI", "", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := func(name string) (string, bool) { return c.value, name == c.variable }
			_, err := Open(Config{Path: "/backups", Durable: c.durable}, env)
			if got := errors.Is(err, backup.ErrEphemeral); got != c.refused {
				t.Errorf("refused: %v, want %v (error %v)", got, c.refused, err)
			}
		})
	}
}

func TestOpen_and_reading_create_nothing(t *testing.T) {
	s := opened(t)
	if _, err := s.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if free, err := s.Free(); err != nil || free <= 0 {
		t.Errorf("free space reads %d (error %v)", free, err)
	}
	if _, err := os.Stat(s.Location()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory exists (error %v)", err)
	}
}

func TestPut_refuses_when_less_than_the_wanted_space_is_free(t *testing.T) {
	s := opened(t, func(c *Config) { c.MinFree = 1 << 40 })
	if _, err := s.Put(t.Context(), "a"); !errors.Is(err, backup.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
}

func TestPut_removes_what_a_dead_process_left_and_nothing_else(t *testing.T) {
	s := opened(t)
	living, err := s.Put(t.Context(), "living")
	if err != nil {
		t.Fatal(err)
	}
	defer living.Abort()
	long := time.Now().Add(-time.Hour)
	alive := hidden(t, s)
	dead := filepath.Join(s.Location(), ".fairlead-"+"dead.ABCDEFGH"+".part")
	young := filepath.Join(s.Location(), ".fairlead-"+"young.ABCDEFGH"+".part")
	for _, path := range []string{dead, young, filepath.Join(s.Location(), ".somebody-elses")} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dead, alive, filepath.Join(s.Location(), ".somebody-elses")} {
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	p, err := s.Put(t.Context(), "next")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abort()
	entries, err := os.ReadDir(s.Location())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	all := strings.Join(names, " ")
	if strings.Contains(all, "dead") || !strings.Contains(all, "living") || !strings.Contains(all, "young") ||
		!strings.Contains(all, "somebody") {
		t.Errorf("there remain %s; only the dead one was to go", all)
	}
}

func TestCommit_leaves_a_file_that_only_the_owner_reads_and_no_partial(t *testing.T) {
	s := opened(t)
	p, err := s.Put(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(p, "abc"); err != nil {
		t.Fatal(err)
	}
	if sum, size := p.(*partial).p.Sum(); size != 3 ||
		sum != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("the sum is %s of %d bytes", sum, size)
	}
	if err := p.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(s.Location())
	if err != nil || len(entries) != 1 {
		t.Fatalf("there are %v (error %v), want one file", entries, err)
	}
	st, err := entries[0].Info()
	if err != nil || st.Mode() != 0o600 {
		t.Errorf("its mode is %v (error %v), want 0600", st.Mode(), err)
	}
}

func TestCommit_refuses_a_file_that_was_cut_meanwhile(t *testing.T) {
	s := opened(t)
	p, err := s.Put(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abort()
	if _, err := io.WriteString(p, "abc"); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(hidden(t, s), 1); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(t.Context()); err == nil {
		t.Error("a file that was cut was committed")
	}
}

func TestOpen_follows_no_link_and_waits_for_no_pipe(t *testing.T) {
	s := opened(t)
	if err := os.MkdirAll(s.Location(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(s.Location(), "link")); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Open(t.Context(), "link"); err == nil {
		r.Close()
		t.Error("a link was followed")
	}
}
