package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/fence"
	"fairlead/internal/rollout"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

func TestSetImage_keeps_owner_mode_and_every_other_byte(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o664, 0o444} {
		name := filepath.Join(t.TempDir(), ".env")
		check(t, os.WriteFile(name, []byte("# secrets\nPASSWORD='a b'\nAPI_IMAGE=old # ci\n"), 0o600))
		check(t, os.Chmod(name, mode))
		if os.Getuid() == 0 {
			check(t, os.Chown(name, 12345, 23456))
		}
		check(t, setImage(name, "API_IMAGE", "r/api@sha256:1"))
		b, err := os.ReadFile(name)
		check(t, err)
		if want := "# secrets\nPASSWORD='a b'\nAPI_IMAGE=r/api@sha256:1 # ci\n"; string(b) != want {
			t.Errorf("got  %q\nwant %q", b, want)
		}
		info, err := os.Stat(name)
		check(t, err)
		sys := info.Sys().(*syscall.Stat_t)
		if info.Mode().Perm() != mode || os.Getuid() == 0 && (sys.Uid != 12345 || sys.Gid != 23456) {
			t.Errorf("mode %v, owner %d:%d; want %v, 12345:23456", info.Mode(), sys.Uid, sys.Gid, mode)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*fairlead*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestSetImage_creates_a_missing_file_for_the_owner_of_the_folder(t *testing.T) {
	dir := t.TempDir()
	if os.Getuid() == 0 {
		check(t, os.Chown(dir, 12345, 23456))
	}
	name := filepath.Join(dir, ".env")
	check(t, setImage(name, "API_IMAGE", "r/api@sha256:1"))
	info, err := os.Stat(name)
	check(t, err)
	sys := info.Sys().(*syscall.Stat_t)
	if info.Mode().Perm() != 0o600 || os.Getuid() == 0 && (sys.Uid != 12345 || sys.Gid != 23456) {
		t.Errorf("mode %v, owner %d:%d; want 0600, 12345:23456", info.Mode(), sys.Uid, sys.Gid)
	}
	if b, _ := os.ReadFile(name); string(b) != "API_IMAGE=r/api@sha256:1\n" {
		t.Errorf("content %q", b)
	}
}

func TestSetImage_changes_nothing_when_the_value_is_the_same(t *testing.T) {
	name := filepath.Join(t.TempDir(), ".env")
	check(t, setImage(name, "API_IMAGE", "r/api@sha256:1"))
	before, err := os.Stat(name)
	check(t, err)
	check(t, setImage(name, "API_IMAGE", "r/api@sha256:1"))
	after, err := os.Stat(name)
	check(t, err)
	if !os.SameFile(before, after) {
		t.Error("the file was written again")
	}
}

func TestSetImage_refuses_links_and_unreadable_files(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	check(t, os.WriteFile(real, []byte("API_IMAGE=old\n"), 0o600))
	link, hard, twice := filepath.Join(dir, "link"), filepath.Join(dir, "hard"), filepath.Join(dir, "twice")
	check(t, os.Symlink(real, link))
	check(t, os.WriteFile(twice, []byte("API_IMAGE=a\nAPI_IMAGE=b\n"), 0o600))
	for name, want := range map[string]error{link: errLinked, dir: errLinked, twice: stack.ErrDuplicate} {
		if err := setImage(name, "API_IMAGE", "new"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", filepath.Base(name), err, want)
		}
	}
	check(t, os.Link(real, hard))
	if err := setImage(hard, "API_IMAGE", "new"); !errors.Is(err, errLinked) {
		t.Errorf("a file with two names: %v, want %v", err, errLinked)
	}
	if b, _ := os.ReadFile(real); string(b) != "API_IMAGE=old\n" {
		t.Errorf("the real file became %q", b)
	}
}

func fenced(t *testing.T) (Server, wire.Place) {
	t.Helper()
	return Server{Program: filepath.Join(t.TempDir(), "agents", "agent")},
		wire.Place{Directory: t.TempDir(), App: "shop", Environment: "production"}
}

func ticket(number int64) fence.Ticket {
	return fence.Ticket{App: "shop", Environment: "production", Ledger: "l-1", Run: "r-1", Number: number,
		Holder: "ana"}
}

func TestFence_only_grows(t *testing.T) {
	s, p := fenced(t)
	k := s.keeper(p)
	check(t, k.raise(ticket(2)))
	check(t, k.raise(ticket(2)))
	var over *fence.Overtaken
	if err := k.raise(ticket(1)); !errors.As(err, &over) || over.By.Number != 2 {
		t.Errorf("a smaller number: %v", err)
	}
	check(t, k.raise(ticket(5)))
	if err := k.check(ticket(4)); !errors.Is(err, fence.ErrOvertaken) {
		t.Errorf("a smaller number is checked: %v", err)
	}
	other := ticket(9)
	other.Ledger = "l-2"
	if err := k.raise(other); !errors.Is(err, fence.ErrOtherLedger) {
		t.Errorf("another ledger: %v", err)
	}
	wrong := ticket(9)
	wrong.App = "other"
	if err := k.raise(wrong); wire.CodeOf(err) != wire.CodeBadRequest {
		t.Errorf("another app's ticket: %v", err)
	}
}

func TestFence_remembers_its_ledger_when_the_place_is_emptied(t *testing.T) {
	s, p := fenced(t)
	check(t, s.keeper(p).raise(ticket(3)))
	check(t, os.RemoveAll(filepath.Join(p.Directory, ".fairlead")))
	if err := s.keeper(p).check(ticket(2)); !errors.Is(err, fence.ErrOvertaken) {
		t.Errorf("a smaller number: %v", err)
	}
	_, err := s.ledgerHead(p)
	if wireError(err).Code != wire.CodeMissing {
		t.Errorf("the ledger that went with it: %v", err)
	}
}

func TestFence_takes_one_of_many_at_a_time(t *testing.T) {
	s, p := fenced(t)
	var all sync.WaitGroup
	for n := range int64(20) {
		all.Go(func() { _ = s.keeper(p).raise(ticket(n + 1)) })
	}
	all.Wait()
	known, err := s.keeper(p).known()
	if err != nil || known.Number != 20 {
		t.Errorf("known %+v, %v; want the largest, 20", known, err)
	}
}

func TestFence_creates_nothing_where_the_directory_is_missing(t *testing.T) {
	s, p := fenced(t)
	p.Directory = filepath.Join(p.Directory, "no-such-app")
	if err := s.keeper(p).raise(ticket(1)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(p.Directory); err == nil {
		t.Error("the directory was created")
	}
}

func TestAttempt_knows_its_end_and_its_death(t *testing.T) {
	dir := t.TempDir()
	a := attempt{3, filepath.Join(dir, "3")}
	check(t, os.Mkdir(a.dir, 0o770))
	if _, ok, err := newest(dir); ok || err != nil {
		t.Errorf("a folder without a task is an attempt: %v, %v", ok, err)
	}
	check(t, os.WriteFile(a.path(taskFile), []byte("{}"), 0o660))
	got, ok, err := newest(dir)
	if !ok || err != nil || got != a {
		t.Fatalf("newest %+v, %v, %v", got, ok, err)
	}
	held, err := a.hold()
	check(t, err)
	if st, err := a.state(); err != nil || !st.Alive || st.Ended {
		t.Errorf("while it runs: %+v, %v", st, err)
	}
	j, err := openJournal(a.path(journalFile))
	check(t, err)
	check(t, j.Note(t.Context(), rollout.Entry{What: rollout.Configuring, Service: "api", Before: "old"}))
	_, err = j.f.WriteString(`{"what":"ended","report":{"do`)
	check(t, err)
	held.Close()
	if st, err := a.state(); err != nil || st.Alive || st.Ended {
		t.Errorf("after it died in the middle of its last line: %+v, %v", st, err)
	}
	again, err := openJournal(a.path(journalFile))
	check(t, err)
	check(t, again.Note(t.Context(), rollout.Entry{What: rollout.Ended, Report: &rollout.Report{Done: true}}))
	st, err := a.state()
	if err != nil || !st.Ended || !st.Report.Done {
		t.Errorf("after it was started again and ended: %+v, %v", st, err)
	}
}

func TestGoesOn_starts_again_only_what_may_be_started_again(t *testing.T) {
	done, failed := &rollout.Report{Done: true}, &rollout.Report{Failed: "api"}
	for name, c := range map[string]struct {
		st     wire.RollState
		number int64
		want   bool
	}{
		"done":                         {wire.RollState{Attempt: 1, Ended: true, Report: done}, 1, true},
		"done, asked by a successor":   {wire.RollState{Attempt: 1, Ended: true, Report: done}, 2, true},
		"failed":                       {wire.RollState{Attempt: 1, Ended: true, Report: failed}, 1, true},
		"failed, asked by a successor": {wire.RollState{Attempt: 1, Ended: true, Report: failed}, 2, false},
		"at work":                      {wire.RollState{Attempt: 1, Alive: true}, 1, true},
		"at work for a predecessor":    {wire.RollState{Attempt: 1, Alive: true}, 2, false},
		"dead":                         {wire.RollState{Attempt: 1}, 1, false},
	} {
		if got := goesOn(c.st, c.number); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestOrderDir_never_leads_outside(t *testing.T) {
	p := wire.Place{Directory: "/opt/app", App: "shop", Environment: "production"}
	if dir, err := orderDir(p, "r-1/deploy"); err != nil || !strings.HasPrefix(dir, p.State()+"/rolls/") {
		t.Errorf("%s, %v", dir, err)
	}
	for _, id := range []string{"", "r-1", "../x/deploy", "r-1/..", "r-1/a/b", "r-1/", "/deploy", "r~1/x y"} {
		if dir, err := orderDir(p, id); err == nil {
			t.Errorf("%q became %s", id, dir)
		}
	}
}

func TestLocalTag_is_a_name_that_docker_takes(t *testing.T) {
	for in, want := range map[[3]string]string{
		{"shop", "api", "localhost:5000/shop/api@sha256:0123456789abcdef"}: "fairlead/shop/api:0123456789ab",
		{"My_Shop+x", "API--1", "sha256:0123456789abcdef"}:                 "fairlead/my-shop-x/api-1:0123456789ab",
	} {
		if got := localTag(in[0], in[1], in[2]); got != want {
			t.Errorf("%v: %s, want %s", in, got, want)
		}
	}
}

// FuzzServe: no bytes from a client make the agent panic or hang, or touch anything outside its place.
func FuzzServe(f *testing.F) {
	f.Add([]byte(`{"id":1,"op":"fence.raise","body":{"place":{"directory":"/x"}}}`))
	f.Add([]byte(`{"id":1,"op":"roll.state","body":{"place":{"directory":"/x","app":"a","environment":"b"},` +
		`"order":"./x"}}`))
	f.Add([]byte(`{"id":1,"op":"ledger.append","body":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var req wire.Request
		if json.Unmarshal(body, &req) != nil || req.Op == wire.OpRun || req.Op == wire.OpPrepare ||
			req.Op == wire.OpRollStart {
			return
		}
		if bytes.Count(body, []byte("/")) != bytes.Count(body, []byte("/x")) {
			return
		}
		var in, out bytes.Buffer
		if wire.WriteFrame(&in, req) != nil {
			return
		}
		check(t, Server{Program: "/nonexistent/agents/agent"}.Serve(t.Context(), &in, &out))
	})
}

func TestServe_answers_many_requests_and_ends_with_its_input(t *testing.T) {
	var in, out bytes.Buffer
	for id := uint64(1); id <= 100; id++ {
		check(t, wire.WriteFrame(&in, wire.Request{ID: id, Op: wire.OpHello}))
	}
	check(t, wire.WriteFrame(&in, wire.Request{ID: 101, Op: wire.OpRaise,
		Body: json.RawMessage(`{"place":{"directory":"relative"}}`)}))
	done := make(chan error, 1)
	go func() { done <- Server{Program: "/a/b/c"}.Serve(t.Context(), &in, &out) }()
	select {
	case err := <-done:
		check(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
	seen := map[uint64]bool{}
	for range 101 {
		var r wire.Response
		check(t, wire.ReadFrame(&out, &r))
		seen[r.ID] = true
		if (r.Err != nil) != (r.ID == 101) {
			t.Errorf("%d: %+v", r.ID, r.Err)
		}
	}
	if len(seen) != 101 {
		t.Errorf("%d answers, want 101", len(seen))
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
