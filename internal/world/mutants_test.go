package world_test

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var mutantsFlag = flag.String("mutants", "",
	"break the production code on purpose and see the stories go red: all, a number of them, or a part of a name")

// A mutant is a small change of the production code that breaks a promise.
type mutant struct {
	name string
	file string // below the module
	was  string // stands exactly once in it
	is   string
}

// mutants are the ways to break the code that the stories must find. The first four kinds are those that the simulator
// was built for; the others are mistakes that it has found.
func mutants() []mutant {
	return []mutant{
		{"skip the marker", "internal/apply/run.go",
			"	if u.Kind != sqltext.Undivided {\n", "	if u.Kind != sqltext.Undivided && m.Key.App == \"\" {\n"},
		{"skip the fence in the database", "internal/apply/run.go",
			"	if err := tx.Hold(ctx, m.Ticket); err != nil {\n		return a, nil, err\n	}\n", ""},
		{"skip the fence on the host", "internal/rollout/run.go",
			"	return m.Allow(ctx, m.order.Ticket)\n", "	return nil\n"},
		{"a probe that lies about the migration", "internal/step/migrate.go",
			"	v, err := apply.Decide(ctx, s.Server, s.Recovery, j)\n",
			"	v, err := apply.Verdict{State: apply.Applied, Next: len(j.Units)}, error(nil)\n"},
		{"a probe that lies about an index", "internal/apply/decide.go",
			"	found, why, err := c.Probe(ctx, st)\n", "	found, why, err := Done, \"\", error(nil)\n"},
		{"a probe that lies about what runs", "internal/step/deploy.go",
			"	if d, ok := asPlanned(o, in); ok {\n", "	if d, _ := asPlanned(o, in); true {\n"},
		{"append without comparing", "internal/engine/writer.go",
			"			return r, w.overtaken(ctx)\n",
			"			head, herr := w.engine.Ledger.Head(ctx)\n			if herr != nil {\n" +
				"				return r, herr\n			}\n			w.head, r.Prev = head.Hash, head.Hash\n" +
				"			continue\n"},
		{"an own record that came late is taken for a takeover", "internal/engine/writer.go",
			"	if err != nil || !slices.Contains(w.doubts, head.LastID()) {\n		return false, err\n	}\n",
			"	if err != nil || !slices.Contains(w.doubts[:0], head.LastID()) {\n		return false, err\n	}\n"},
		{"the database is not told of a rollback", "internal/engine/engine.go",
			"	migrating := false\n	if q.Closes != nil {\n",
			"	migrating := false\n	if q.Closes != nil && mostFollowed < 0 {\n"},
		{"a rollback behind whatever stands there", "internal/engine/ending.go",
			"	next, err := r.engine.begin(ctx, q,",
			"	after, herr := r.engine.Ledger.Head(ctx)\n	if herr == nil {\n" +
				"		r.writer.head, r.writer.fence = after.Hash, after.Fence()\n	}\n" +
				"	next, err := r.engine.begin(ctx, q,"},
		{"an inner mark speaks for the whole step", "internal/engine/execute.go",
			"(said == fault.Asking || said == fault.Unknown || !fault.IsUntouched(cause))",
			"!fault.IsUntouched(cause)"},
		{"a failure forgets what earlier attempts changed", "internal/engine/execute.go",
			"Changed: changed || r.changed(spec.Mutates),", "Changed: changed,"},
		{"a statement outside transactions without the number", "internal/apply/nontransactional.go",
			"	if err := session.Hold(ctx, m.Ticket); err != nil {\n		return err\n	}\n" +
				"	return session.Exec(ctx, q)\n", "	return session.Exec(ctx, q)\n"},
		{"act before it is written that it begins", "internal/engine/execute.go",
			"	if _, err := r.writer.append(ctx, Record{Verdict: Began, Step: spec.Name}); err != nil {\n" +
				"		return Record{}, fault.MarkUntouched(err)\n	}\n", ""},
		{"no barrier before a resumed run looks", "internal/engine/execute.go",
			"	if err := r.raise(ctx); err != nil {\n" +
				"		return r.end(ctx, Spec{Name: \"fence\", Title: \"Put the takeover number in place\"}, " +
				"err)\n	}\n", ""},
	}
}

func TestMutants_name_code_that_stands_there(t *testing.T) {
	for _, m := range mutants() {
		text, err := os.ReadFile(filepath.Join("../..", m.file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), m.was); n != 1 {
			t.Errorf("%s: what it replaces in %s stands there %d times", m.name, m.file, n)
		}
	}
}

// TestMutants_make_the_stories_red breaks the code in one place at a time, without touching the checkout, and wants a
// failing seed that fails again when it is told alone.
func TestMutants_make_the_stories_red(t *testing.T) {
	if *mutantsFlag == "" {
		t.Skip("only with -mutants=all: builds the program once for each")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	chosen := chosen(*mutantsFlag)
	if len(chosen) == 0 {
		t.Fatalf("no mutant has %q in its name", *mutantsFlag)
	}
	for _, m := range chosen {
		t.Run(m.name, func(t *testing.T) { m.mustBeFound(t, root) })
	}
}

// chosen gives the mutants that a flag names; a number stands for that many, others each time.
func chosen(flag string) []mutant {
	all := mutants()
	if n, err := strconv.Atoi(flag); err == nil {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all[:min(n, len(all))]
	}
	return slices.DeleteFunc(all, func(m mutant) bool { return flag != "all" && !strings.Contains(m.name, flag) })
}

func (m mutant) mustBeFound(t *testing.T, root string) {
	program := m.build(t, root)
	began := time.Now()
	out, err := exec.Command(program, "-test.run", "TestStory_keeps", "-failures", "1", "-show", "1", "-stories",
		"100000").CombinedOutput()
	took := time.Since(began)
	seed := regexp.MustCompile(`seed ([0-9]+) breaks a promise`).FindSubmatch(out)
	if err == nil || seed == nil {
		t.Fatalf("the stories stay green:\n%.2000s", out)
	}
	broken := regexp.MustCompile(`(?m)^\s*promise .*$`).Find(out)
	told := regexp.MustCompile(`([0-9]+) stories in`).FindSubmatch(out)
	if told == nil {
		t.Fatalf("no count in:\n%.2000s", out)
	}
	again, err := exec.Command(program, "-test.run", "TestStory_keeps", "-seed", string(seed[1])).CombinedOutput()
	if err == nil || !strings.Contains(string(again), strings.TrimSpace(string(broken))) {
		t.Errorf("seed %s does not fail again:\n%.2000s", seed[1], again)
	}
	t.Logf("seed %s, after %s stories and %s: %s", seed[1], told[1], took.Round(10*time.Millisecond),
		strings.TrimSpace(string(broken)))
}

// build makes the test program of this package with the mutant in it.
func (m mutant) build(t *testing.T, root string) string {
	path := filepath.Join(root, m.file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.was); n != 1 {
		t.Fatalf("%s has changed: what the mutant replaces stands there %d times", m.file, n)
	}
	dir := t.TempDir()
	changed, overlay, program := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json"),
		filepath.Join(dir, "world.test")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), m.was, m.is, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", program, "./internal/world")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return program
}
