package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/agent/agenttest"
	"fairlead/internal/backup"
	"fairlead/internal/backup/backuptest"
	"fairlead/internal/host"
	"fairlead/internal/wire"
)

// TestMain lets the test binary be the agent.
func TestMain(m *testing.M) { agenttest.Main(m.Run) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site is one host, as several operators reach it.
type site struct {
	path   string
	home   string
	agents host.Agents
	pids   string // file with the processes of all connections
	ssh    host.SSH
	mu     sync.Mutex
	hosts  []*host.Host
}

// newSite has this test binary as its agent, and a program that stands for ssh.
func newSite(t *testing.T, path string) *site {
	t.Helper()
	s := &site{path: path, home: t.TempDir(), agents: agenttest.Agents(t)}
	s.pids = filepath.Join(t.TempDir(), "pids")
	program := filepath.Join(t.TempDir(), "ssh")
	must(t, os.WriteFile(program, []byte("#!/bin/sh\nfor c; do :; done\necho $$ >>"+s.pids+"\nexec sh -c \"$c\"\n"),
		0o755))
	s.ssh = host.SSH{Program: program, ConnectTimeout: 5 * time.Second}
	return s
}

func (s *site) open(t *testing.T, change ...func(*Config)) *Store {
	t.Helper()
	var c Config
	c.Defaults()
	c.Path, c.MinFree = s.path, 0
	for _, f := range change {
		f(&c)
	}
	h := host.New(host.Options{Address: host.Address{Host: "web1"}, SSH: s.ssh, Agents: s.agents,
		AgentDirectory: filepath.Join(s.home, "agents")})
	t.Cleanup(func() { h.Close() })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts = append(s.hosts, h)
	return New(c, h, wire.Place{Directory: s.home, App: "shop", Environment: "production"})
}

// cut ends all connections; the agents see the end.
func (s *site) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hosts {
		h.Close()
	}
}

// kill ends all agents without a chance to tidy up.
func (s *site) kill(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile(s.pids)
	must(t, err)
	for word := range strings.FieldsSeq(string(b)) {
		var pid int
		if _, err := fmt.Sscan(word, &pid); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func (s *site) hidden(t *testing.T) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.path, ".fairlead-*"))
	must(t, err)
	return left
}

func (s *site) place() backuptest.Fixture {
	return backuptest.Fixture{
		Open:   func(t *testing.T) backuptest.Store { return s.open(t) },
		Hidden: s.hidden,
		Large:  2<<20 + 5,
		Cut: func(*testing.T) func() {
			s.cut()
			return func() {}
		},
		Damage: func(t *testing.T, name string) {
			b, err := os.ReadFile(filepath.Join(s.path, name))
			must(t, err)
			b[len(b)/2] ^= 1
			must(t, os.WriteFile(filepath.Join(s.path, name), b, 0o600))
		},
	}
}

func TestStore_keeps_the_contract(t *testing.T) {
	backuptest.Exercise(t, func(t *testing.T) backuptest.Fixture {
		return newSite(t, filepath.Join(t.TempDir(), "deep", "backups")).place()
	})
}

func begun(t *testing.T, s *Store, name, text string) backup.Partial {
	t.Helper()
	p, err := s.Put(t.Context(), name)
	must(t, err)
	t.Cleanup(func() { _ = p.Abort() })
	_, err = io.WriteString(p, text)
	must(t, err)
	return p
}

func TestAgent_that_is_killed_leaves_nothing_visible_and_what_is_hidden_is_swept(t *testing.T) {
	s := newSite(t, t.TempDir())
	p := begun(t, s.open(t), "a", strings.Repeat("x", 3<<20))
	s.kill(t)
	if err := p.Commit(t.Context()); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("commit gives %v, want ErrUnreachable", err)
	}
	left := s.hidden(t)
	if len(left) != 1 {
		t.Fatalf("there is hidden %v, want what the agent had begun", left)
	}
	other := s.open(t)
	if all, err := other.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("it lists %v (error %v)", all, err)
	}
	old := time.Now().Add(-25 * time.Hour)
	must(t, os.Chtimes(left[0], old, old))
	swept, err := other.Sweep(t.Context(), time.Now().Add(-24*time.Hour), false)
	if err != nil || len(swept) != 1 || len(s.hidden(t)) != 0 {
		t.Errorf("swept %v (error %v), left %v", swept, err, s.hidden(t))
	}
}

func TestCommit_refuses_what_the_disk_holds_otherwise(t *testing.T) {
	s := newSite(t, t.TempDir())
	p := begun(t, s.open(t), "a", strings.Repeat("x", 3<<20))
	r, err := p.Reread(t.Context())
	must(t, err)
	_, err = io.Copy(io.Discard, r)
	must(t, err)
	f, err := os.OpenFile(s.hidden(t)[0], os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("y"), 12345)
	must(t, errors.Join(err, f.Close()))
	if err := p.Commit(t.Context()); err == nil || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("commit gives %v; a byte was changed on the disk", err)
	}
	if all, err := s.open(t).List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("it lists %v (error %v)", all, err)
	}
}

func TestReady_brings_no_agent_onto_the_host_and_makes_no_directory(t *testing.T) {
	top := t.TempDir()
	file := filepath.Join(top, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, brought := range []bool{false, true} {
		for _, c := range []struct {
			name, path string
			change     func(*Config)
			why        string
		}{
			{"a directory that is not there yet", filepath.Join(top, "a", "b"), func(*Config) {}, ""},
			{"a file in its place", file, func(*Config) {}, "is not a directory"},
			{"a file above it", filepath.Join(file, "a"), func(*Config) {}, "not a directory"},
			{"a disk that is nearly full", top, func(c *Config) { c.MinFree = 1 << 40 }, "at least"},
		} {
			s := newSite(t, c.path)
			if brought {
				must(t, func() error {
					_, err := s.open(t, func(c *Config) { c.Path = top }).List(t.Context())
					return err
				}())
			}
			err := s.open(t, c.change).Ready(t.Context())
			if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
				t.Errorf("with the agent there: %v, %s: %v, want %q", brought, c.name, err, c.why)
			}
			if left, _ := os.ReadDir(s.home); !brought && len(left) != 0 {
				t.Errorf("%s: it brought %v", c.name, left)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(top, "a")); err == nil {
		t.Error("a directory was made")
	}
}

func TestNotes_tell_of_the_disk_of_the_database(t *testing.T) {
	top := t.TempDir()
	database := filepath.Join(top, "pgdata")
	must(t, os.Mkdir(database, 0o700))
	s := newSite(t, filepath.Join(top, "backups"))
	must(t, begun(t, s.open(t), "a", "x").Commit(t.Context()))
	notes, err := s.open(t, func(c *Config) { c.Database = database }).Notes(t.Context())
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], database) {
		t.Errorf("the notes are %q (error %v)", notes, err)
	}
	notes, err = s.open(t, func(c *Config) { c.Database = "/proc" }).Notes(t.Context())
	if err != nil || len(notes) != 0 {
		t.Errorf("of a database on another disk the notes are %q (error %v)", notes, err)
	}
}

func TestStore_is_below_the_directory_of_the_target_when_no_path_is_given(t *testing.T) {
	s := newSite(t, "")
	st := s.open(t)
	if want := "web1:" + s.home + "/.fairlead/shop/.backups/production"; st.Location() != want {
		t.Errorf("it is %s, want %s", st.Location(), want)
	}
}

func TestValidate_refuses_a_path_that_is_not_absolute(t *testing.T) {
	for path, key := range map[string]string{"": "", "/var/backups": "", "backups": "path", "/": "path",
		"/a\x00b": "path"} {
		if got, err := (Config{Path: path}).Validate(); got != key || (err == nil) != (key == "") {
			t.Errorf("%q: the key is %q (error %v)", path, got, err)
		}
	}
}

func TestFreeOf_reads_what_df_says_and_nothing_else(t *testing.T) {
	for out, want := range map[string]int64{
		"Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 100 40 60 40% /\n": 60 << 10,
		"": -1, "one line": -1, "head\na b c -5 e f": -1, "head\na b c 99999999999999999999 e f": -1,
	} {
		if got, err := freeOf(out); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q gives %d (error %v), want %d", out, got, err, want)
		}
	}
}
