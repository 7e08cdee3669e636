//go:build real

package scenario

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/lab"
)

// stage is one application on the lab's host, with a folder for its operator.
type stage struct {
	*lab.Stack
	t      *testing.T
	ctx    context.Context
	Home   string   // where the operator works: fairlead.yaml lies there
	Config string   // its path
	Env    []string // added to every command
	typed  int      // commands so far
}

// setting says what a stage differs in. The zero value is three services over ssh.
type setting struct {
	stack  lab.StackOptions
	config lab.ConfigOptions
}

// one is a single service that is ready as soon as it runs, on this machine without ssh: the fastest deployment.
func one(app string) setting {
	return setting{
		stack: lab.StackOptions{App: app, Compose: `name: {{.App}}
services:
  api:
    image: ${API_IMAGE}
    ports: ["127.0.0.1:{{.APIPort}}:8080"]
    restart: unless-stopped
    stop_grace_period: 5s
`},
		config: lab.ConfigOptions{Hosts: []string{"local"}, Services: []string{"api"}, Every: "200ms", Attempts: 50},
	}
}

func newStage(t *testing.T, patience time.Duration, o setting) *stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	// A host remembers the ledger of an app: in a lab by hand a test can be run again.
	o.stack.App += fmt.Sprintf("-%d", os.Getpid())
	s, err := lab.Here(t).Stack(ctx, o.stack)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if o.config.Services != nil && o.config.SmokeURLs == nil {
		o.config.SmokeURLs = []string{s.APIURL + "/api/health"}
	}
	st := &stage{Stack: s, t: t, ctx: ctx, Home: t.TempDir()}
	o.config.BackupDir = filepath.Join(st.Home, "backups")
	st.Config = filepath.Join(st.Home, "fairlead.yaml")
	home := filepath.Join(st.Home, "home")
	if err := errors.Join(os.Mkdir(home, 0o755), s.WriteConfig(st.Config, o.config)); err != nil {
		t.Fatal(err)
	}
	st.Env = []string{"HOME=" + home, "XDG_STATE_HOME=", "FAIRLEAD_AGENT_DIR="}
	return st
}

// publish builds images and describes a release of all three services.
func (s *stage) publish(r lab.Release) lab.Published {
	s.t.Helper()
	p, err := s.PublishRelease(s.ctx, r)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// release describes a release that runs images published before, with a migration of its own. Only services are part of
// it.
func (s *stage) release(tag string, p lab.Published, sql string, services ...string) {
	s.t.Helper()
	doc := map[string]any{"schema": "fairlead.release/v1", "app": s.App, "tag": tag, "commit": p.Commit, "run_id": "1",
		"run_attempt": 1,
		"verified_in": "staging", "migration": nil}
	images := map[string]string{}
	for service, image := range p.Images {
		if len(services) == 0 || slices.Contains(services, service) {
			images[service] = image
		}
	}
	doc["images"] = images
	dir := filepath.Join(filepath.Dir(p.Dir), tag)
	err := os.MkdirAll(dir, 0o755)
	if sql != "" {
		sum := sha256.Sum256([]byte(sql))
		doc["migration"] = map[string]string{"file": "migration.sql", "sha256": hex.EncodeToString(sum[:])}
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "migration.sql"), []byte(sql), 0o644))
	}
	text, jerr := json.MarshalIndent(doc, "", "  ")
	if err := errors.Join(err, jerr, os.WriteFile(filepath.Join(dir, "release.json"), text, 0o644)); err != nil {
		s.t.Fatal(err)
	}
}

// said is what a command left.
type said struct {
	Args []string
	Exit int
	Out  string // the answer
	All  string // the answer and the story
	Took time.Duration
}

// String is for failures.
func (s said) String() string {
	return fmt.Sprintf("fairlead %s: exit %d after %s\n%s", strings.Join(s.Args, " "), s.Exit,
		s.Took.Round(time.Millisecond), s.All)
}

// running is a command under way.
type running struct {
	cmd   *exec.Cmd
	began time.Time
	out   *os.File
	all   *os.File
	ended chan struct{}
}

// start begins a fairlead command in dir. Its output goes into files, so that no child keeps it from ending.
func (s *stage) start(dir string, env []string, args ...string) *running {
	s.t.Helper()
	s.typed++
	name := filepath.Join(s.Home, fmt.Sprintf("said.%03d.%s", s.typed, args[0]))
	out, err := os.Create(name + ".out")
	if err != nil {
		s.t.Fatal(err)
	}
	all, err := os.Create(name + ".err")
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := s.Fairlead(s.ctx, dir, args...)
	cmd.Env = append(append(cmd.Env, s.Env...), env...)
	cmd.Stdout, cmd.Stderr = out, all
	r := &running{cmd: cmd, began: time.Now(), out: out, all: all, ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(r.ended)
	}()
	return r
}

// kill ends it with SIGKILL and waits until it is gone.
func (r *running) kill() {
	_ = r.cmd.Process.Kill()
	<-r.ended
}

// wait gives what it left, -1 as exit status when a signal ended it.
func (r *running) wait() said {
	<-r.ended
	out, _ := os.ReadFile(r.out.Name())
	all, _ := os.ReadFile(r.all.Name())
	r.out.Close()
	r.all.Close()
	return said{Args: r.cmd.Args[1:], Exit: r.cmd.ProcessState.ExitCode(), Out: string(out),
		All: string(all) + string(out), Took: time.Since(r.began)}
}

// fairlead runs a command in the operator's folder to its end.
func (s *stage) fairlead(args ...string) said {
	s.t.Helper()
	return s.start(s.Home, nil, args...).wait()
}

// must is fairlead with the exit status it has to have.
func (s *stage) must(exit int, args ...string) said {
	s.t.Helper()
	got := s.fairlead(args...)
	if got.Exit != exit {
		s.t.Fatalf("want exit %d: %s", exit, got)
	}
	return got
}

// elsewhere is another operator's place: another working directory that has the configuration, and an empty home.
func (s *stage) elsewhere() (dir string, env []string) {
	s.t.Helper()
	dir, err := os.MkdirTemp(s.Home, "elsewhere-")
	if err != nil {
		s.t.Fatal(err)
	}
	home := filepath.Join(dir, "home")
	text, err := os.ReadFile(s.Config)
	if err := errors.Join(err, os.Mkdir(home, 0o755),
		os.WriteFile(filepath.Join(dir, "fairlead.yaml"), text, 0o644)); err != nil {
		s.t.Fatal(err)
	}
	return dir, []string{"HOME=" + home, "XDG_STATE_HOME=", "FAIRLEAD_AGENT_DIR="}
}

// runs gives "" when every container of each service runs that release's digest, and otherwise what runs.
func (s *stage) runs(p lab.Published, services ...string) string {
	s.t.Helper()
	got, err := s.digests()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, service := range services {
		if len(got[service]) != 1 || got[service][0] != p.Images[service] {
			return fmt.Sprintf("%s runs %v, want %s once", service, got[service], p.Images[service])
		}
	}
	return ""
}

// all are the services of the sample application.
var all = []string{"api", "worker", "web"}

// mustRun is runs as a failure of the test.
func (s *stage) mustRun(p lab.Published, services ...string) {
	s.t.Helper()
	if why := s.runs(p, services...); why != "" {
		s.t.Error(why)
	}
}

// value gives the one value of a query.
func (s *stage) value(sql string) string {
	s.t.Helper()
	rows, err := s.Rows(s.ctx, sql)
	if err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		s.t.Fatalf("%s: %v, want one value", sql, rows)
	}
	return rows[0][0]
}

// exec runs SQL as the application.
func (s *stage) exec(sql string) {
	s.t.Helper()
	if err := s.Exec(s.ctx, sql); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// head gives the ledger's end as `ledger verify` proves it.
func (s *stage) head() (hash string, records int) {
	s.t.Helper()
	got := s.must(0, "ledger", "verify", "--json")
	var v struct {
		Holds   bool
		Records int
		Head    string
	}
	if err := json.Unmarshal([]byte(got.Out), &v); err != nil || !v.Holds {
		s.t.Fatalf("ledger verify: %v: %s", err, got)
	}
	return v.Head, v.Records
}

// last gives the newest run, as the ledger's own files on the host have it.
func (s *stage) last() engine.Summary {
	s.t.Helper()
	runs := s.must(0, "history", "--json")
	var all []engine.Summary
	if err := json.Unmarshal([]byte(runs.Out), &all); err != nil || len(all) == 0 {
		s.t.Fatalf("history: %v: %s", err, runs)
	}
	return all[0]
}

// env reads the .env that compose reads.
func (s *stage) env() string {
	s.t.Helper()
	text, err := os.ReadFile(s.EnvPath)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// until waits for a condition, and fails the test when it does not come true.
func (s *stage) until(what string, limit time.Duration, f func() bool) {
	s.t.Helper()
	for end := time.Now().Add(limit); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited %s in vain: %s", limit, what)
		}
	}
}

// bin is the folder of the built programs.
func bin(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv(lab.BinVar); dir != "" {
		return dir
	}
	root, err := lab.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "bin")
}

// contains tells whether a text has all the words, letter case aside.
func contains(text string, words ...string) bool {
	for _, w := range words {
		if !bytes.Contains(bytes.ToLower([]byte(text)), bytes.ToLower([]byte(w))) {
			return false
		}
	}
	return true
}
