package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"fairlead/internal/agent/agenttest"
	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fence"
	"fairlead/internal/host"
	"fairlead/internal/ledger/ledgertest"
	"fairlead/internal/wire"
)

// TestMain lets the test binary be the agent.
func TestMain(m *testing.M) { agenttest.Main(m.Run) }

type site struct {
	t     *testing.T
	top   string
	home  string
	place wire.Place
	with  host.Agents
}

func newSite(t *testing.T) site {
	s := site{t: t, top: t.TempDir(), home: t.TempDir(), with: agenttest.Agents(t)}
	s.place = wire.Place{Directory: s.top, App: "shop", Environment: "production"}
	return s
}

func (s site) open() Ledger {
	h := host.New(host.Options{Address: host.Address{Local: true}, Agents: s.with,
		AgentDirectory: filepath.Join(s.home, "agents")})
	s.t.Cleanup(func() { h.Close() })
	return New(h, s.place)
}

// know makes the host's fence remember a ledger.
func (s site) know(id string) {
	s.t.Helper()
	check(s.t, os.MkdirAll(s.place.State(), 0o770))
	check(s.t, os.WriteFile(s.place.Ticket(),
		fmt.Appendf(nil, `{"app":"shop","environment":"production","ledger":%q,"run":"r-1","number":1}`, id), 0o660))
}

func TestLedger_keeps_the_contract(t *testing.T) {
	ledgertest.Exercise(t, func(t *testing.T) ledgertest.Fixture {
		s := newSite(t)
		p := s.place.Ledger()
		return ledgertest.Fixture{
			Open:      func(*testing.T) ledgertest.Handle { return s.open() },
			Insist:    func(_ *testing.T, id string) ledgertest.Handle { return s.open().Expecting(id) },
			Lose:      func(t *testing.T) { check(t, os.RemoveAll(p)) },
			Footprint: func(t *testing.T) string { return footprint(t, s.top) + footprint(t, s.home) },
			Tear: func(t *testing.T) {
				files := segments(t, p)
				last := files[len(files)-1]
				b := read1(t, last)
				check(t, os.WriteFile(last, b[:len(b)-40], 0o660))
			},
			Edit: func(t *testing.T, n int) {
				change(t, p, n, func(l [][]byte, i int) [][]byte {
					l[i] = bytes.Replace(l[i], []byte(`"fence":1`), []byte(`"fence":2`), 1)
					return l
				})
			},
			Cut: func(t *testing.T, n int) {
				change(t, p, n, func(l [][]byte, i int) [][]byte { return slices.Delete(l, i, i+1) })
			},
		}
	})
}

func TestReading_brings_no_agent_onto_the_host(t *testing.T) {
	s := newSite(t)
	r := engine.Record{Schema: engine.RecordSchema, ID: "a1", Run: "r-1", Verdict: engine.Opened,
		Evidence: []byte(`{}`)}
	if _, err := s.open().Append(t.Context(), "", r); err != nil {
		t.Fatal(err)
	}
	sum, err := s.open().Put(t.Context(), []byte("SELECT 1;"))
	check(t, err)
	s.know("a1")
	check(t, os.RemoveAll(s.home))
	before := footprint(t, s.top)

	l := s.open()
	head, err := l.Head(t.Context())
	if err != nil || head.Ledger != "a1" || len(head.Last) != 1 {
		t.Errorf("head: %+v, %v", head, err)
	}
	if got, err := l.Records(t.Context(), "r-1"); err != nil || len(got) != 1 {
		t.Errorf("records: %v, %v", got, err)
	}
	if got, err := l.Runs(t.Context(), 0); err != nil || len(got) != 1 {
		t.Errorf("runs: %v, %v", got, err)
	}
	if got, err := l.Lines(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("lines: %v, %v", got, err)
	}
	if got, err := l.Blob(t.Context(), sum); err != nil || string(got) != "SELECT 1;" {
		t.Errorf("blob: %q, %v", got, err)
	}
	if footprint(t, s.top) != before {
		t.Errorf("reading changed the host:\n%s", footprint(t, s.top))
	}
	if _, err := os.Stat(s.home); err == nil {
		t.Errorf("reading brought something into the home directory")
	}
	check(t, os.RemoveAll(s.place.Ledger()))
	if _, err := s.open().Head(t.Context()); !errors.Is(err, chain.ErrMissing) {
		t.Errorf("head of a lost ledger: %v, want %v", err, chain.ErrMissing)
	}
}

func TestLedger_that_the_host_knows_and_that_is_another_one_is_refused(t *testing.T) {
	s := newSite(t)
	r := engine.Record{Schema: engine.RecordSchema, ID: "a1", Run: "r-1", Verdict: engine.Opened,
		Evidence: []byte(`{}`)}
	if _, err := s.open().Append(t.Context(), "", r); err != nil {
		t.Fatal(err)
	}
	s.know("b2")
	if _, err := s.open().Head(t.Context()); !errors.Is(err, fence.ErrOtherLedger) {
		t.Errorf("head: %v, want %v", err, fence.ErrOtherLedger)
	}
}

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
		lines := bytes.Split(bytes.TrimSuffix(read1(t, f), []byte("\n")), []byte("\n"))
		if n < len(lines) {
			check(t, os.WriteFile(f, append(bytes.Join(how(lines, n), []byte("\n")), '\n'), 0o660))
			return
		}
		n -= len(lines)
	}
	t.Fatalf("the chain has no such line")
}

func footprint(t *testing.T, top string) string {
	t.Helper()
	var all strings.Builder
	check(t, filepath.WalkDir(top, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		all.WriteString(p + "\n")
		if e.Type().IsRegular() && !strings.Contains(p, "fairlead-agent") {
			all.Write(read1(t, p))
		}
		return nil
	}))
	return all.String()
}

func read1(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	return b
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
