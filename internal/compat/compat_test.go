package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"fairlead/internal/apply"
	"fairlead/internal/backup"
	"fairlead/internal/chain"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/ledger/dir"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

// written is the folder of what the version of that commit wrote.
const written = "testdata/ecb9bb1"

// decode reads JSON into a T and refuses to lose anything: written again it must say the same.
func decode[T any](t *testing.T, what string, raw []byte) T {
	t.Helper()
	var v T
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Errorf("%s: %v", what, err)
		return v
	}
	again, err := json.Marshal(v)
	if err != nil {
		t.Errorf("%s cannot be written again: %v", what, err)
		return v
	}
	if !same(raw, again) {
		t.Errorf("%s is not what was read\nwritten by that version: %s\nread and written again:  %s", what, raw, again)
	}
	return v
}

// same compares two JSON texts by what they say.
func same(a, b []byte) bool {
	var x, y any
	return errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)) == nil && reflect.DeepEqual(x, y)
}

// A reader decodes evidence or a fact of one kind.
type reader func(t *testing.T, what string, raw json.RawMessage)

// evidence recalls evidence as a step does.
func evidence[E engine.Evidence]() (engine.Kind, reader) {
	var e E
	return e.Kind(), func(t *testing.T, what string, raw json.RawMessage) {
		t.Helper()
		decode[E](t, what, raw)
		if _, err := engine.Recall[E](engine.Proofs{e.Kind(): raw}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func as[T any](t *testing.T, what string, raw json.RawMessage) {
	t.Helper()
	decode[T](t, what, raw)
}

// readers gives one for each kind that may stand in a record or among the proofs of an opening.
func readers() map[engine.Kind]reader {
	all := map[engine.Kind]reader{
		engine.OpeningKind:  as[engine.Opening],
		engine.TakeoverKind: as[engine.Takeover],
		engine.ClosingKind:  as[engine.Closing],

		"apply/1":            as[apply.Fact],
		"backup-visible/1":   as[backup.Manifest],
		"command-before/1":   as[database.Imprint],
		"command-launch/1":   as[map[string]any],
		"eve/1":              as[step.PreMigration],
		"rehearsal-done/1":   as[step.Rehearsed],
		"writers-stopping/1": as[map[string]any],
	}
	add := func(k engine.Kind, r reader) { all[k] = r }
	add(evidence[engine.Approvals]())
	add(evidence[step.BackedUp]())
	add(evidence[step.Checked]())
	add(evidence[step.Confirmed]())
	add(evidence[step.Deployed]())
	add(evidence[step.Fetched]())
	add(evidence[step.Healthy]())
	add(evidence[step.Migrated]())
	add(evidence[step.NotBackedUp]())
	add(evidence[step.RanBefore]())
	add(evidence[step.Recorded]())
	add(evidence[step.Rehearsed]())
	add(evidence[step.Reviewed]())
	add(evidence[step.Smoked]())
	add(evidence[step.ToolRead]())
	add(evidence[step.WritersResumed]())
	return all
}

// ledger opens a copy of the ledger.
func ledger(t *testing.T) dir.Ledger {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger")
	if err := os.CopyFS(path, os.DirFS(filepath.Join(written, "ledger"))); err != nil {
		t.Fatal(err)
	}
	return dir.Open(path)
}

// records parses every line of the chain.
func records(t *testing.T, l dir.Ledger) []engine.Record {
	t.Helper()
	lines, err := l.Lines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := engine.ParseRecords(lines)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range all {
		again, err := r.Line()
		if err != nil || !bytes.Equal(again, lines[i]) {
			t.Errorf("line %d is written differently (%v)\nbefore: %s\nnow:    %s", i+1, err, lines[i], again)
		}
	}
	return all
}

func openings(t *testing.T, l dir.Ledger) map[engine.RunID]engine.Opening {
	t.Helper()
	all := map[engine.RunID]engine.Opening{}
	for _, r := range records(t, l) {
		if r.Verdict == engine.Opened {
			all[r.Run] = decode[engine.Opening](t, "the opening of "+string(r.Run), r.Evidence)
		}
	}
	return all
}

// ended is what became of each run, oldest first.
func ended() []string {
	return []string{
		"deploy deployed", "deploy deployed", "deploy asking", "rollback rolled-back", "rollback deployed",
		"migrate failed-unchanged", "migrate deployed", "migrate deployed", "migrate deployed", "deploy asking",
		" deployed", "deploy undecided",
	}
}

func TestLedger_of_the_version_before_is_one_chain_with_an_open_run(t *testing.T) {
	l := ledger(t)
	lines, err := l.Lines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, head, err := chain.Verify(func(yield func([]byte, error) bool) {
		for _, line := range lines {
			if !yield(line, nil) {
				return
			}
		}
	})
	h, herr := l.Head(t.Context())
	if n < 150 || err != nil || herr != nil || h.Hash != head {
		t.Errorf("%d lines up to %s, %v; the head is %s, %v", n, head, err, h.Hash, herr)
	}
	runs, err := l.Runs(t.Context(), 0)
	if err != nil || len(runs) != 12 {
		t.Fatalf("%d runs, %v; want 12", len(runs), err)
	}
	if h.Open() != runs[0].Run || runs[0].Outcome != 0 {
		t.Errorf("the open run is %q, the newest %+v", h.Open(), runs[0])
	}
	var outcomes []string
	for _, r := range slices.Backward(runs) {
		outcomes = append(outcomes, string(r.Action)+" "+r.Outcome.String())
		if raw, err := l.Records(t.Context(), r.Run); err != nil || len(raw) == 0 {
			t.Errorf("%s: %d records, %v", r.Run, len(raw), err)
		}
	}
	if !slices.Equal(outcomes, ended()) {
		t.Errorf("the runs ended\n%q, want\n%q", outcomes, ended())
	}
}

func TestEvidence_of_the_version_before_is_read_without_loss(t *testing.T) {
	known, seen := readers(), map[engine.Kind]int{}
	read := func(what string, k engine.Kind, raw json.RawMessage) {
		t.Helper()
		r, ok := known[k]
		if !ok {
			t.Errorf("%s has evidence of kind %q, which this test does not read", what, k)
			return
		}
		seen[k]++
		r(t, what, raw)
	}
	l := ledger(t)
	for _, r := range records(t, l) {
		if r.Kind != "" {
			read(string(r.Run)+", "+string(r.Kind), r.Kind, r.Evidence)
		}
	}
	for run, o := range openings(t, l) {
		for k, raw := range o.Proofs {
			read("the opening of "+string(run)+", "+string(k), k, raw)
		}
	}
	for k := range known {
		if seen[k] == 0 && k != (engine.Approvals{}).Kind() {
			t.Errorf("no record has evidence of kind %q", k)
		}
	}
}

func TestTerms_of_the_version_before_keep_their_fingerprint(t *testing.T) {
	all := openings(t, ledger(t))
	for run, o := range all {
		if got, err := o.Terms.Fingerprint(); err != nil || got != o.Fingerprint {
			t.Errorf("%s: the fingerprint of the terms is %s, %v; the record says %s", run, got, err, o.Fingerprint)
		}
	}
	raw, err := os.ReadFile(filepath.Join(written, "plan.json"))
	if err != nil {
		t.Fatal(err)
	}
	plan := decode[engine.Terms](t, "plan.json", raw)
	for _, o := range all {
		if o.Terms.Tag == plan.Tag && o.Terms.Action == engine.Deploy && o.Fingerprint != fingerprint(t, plan) {
			t.Errorf("the fingerprint is %s in the plan file and %s in its run", fingerprint(t, plan), o.Fingerprint)
		}
	}
}

func fingerprint(t *testing.T, terms engine.Terms) string {
	t.Helper()
	s, err := terms.Fingerprint()
	if err != nil {
		t.Error(err)
	}
	return s
}

func TestBlobs_of_the_version_before_are_those_of_its_runs(t *testing.T) {
	l := ledger(t)
	names := map[string]int{}
	for run, o := range openings(t, l) {
		for name, sum := range o.Blobs {
			raw, err := l.Blob(t.Context(), sum)
			if err != nil {
				t.Errorf("%s, blob %s: %v", run, name, err)
				continue
			}
			names[name]++
			blob(t, string(run)+", blob "+name, name, raw, o.Terms)
		}
	}
	for _, name := range []string{"terms", "release", "from", "sql", "units"} {
		if names[name] == 0 {
			t.Errorf("no run has a blob %q; they have %v", name, names)
		}
	}
}

// blob holds one blob of a run against its terms.
func blob(t *testing.T, what, name string, raw []byte, terms engine.Terms) {
	t.Helper()
	switch name {
	case "terms":
		if got := fingerprint(t, decode[engine.Terms](t, what, raw)); got != fingerprint(t, terms) {
			t.Errorf("%s has the fingerprint %s, which is not that of the opening", what, got)
		}
	case "release":
		if r := decode[release.Release](t, what, raw); r.Tag != terms.Tag {
			t.Errorf("%s is the release %q, want %q", what, r.Tag, terms.Tag)
		}
	case "sql":
		script, err := sqltext.Parse(raw)
		if err != nil || script.SHA256 != terms.Migration.SHA256 {
			t.Errorf("%s has the SHA-256 %s, %v; the terms say %s", what, script.SHA256, err, terms.Migration.SHA256)
		}
	case "units":
		if s := decode[sqltext.Script](t, what, raw); s.SHA256 != terms.Migration.SHA256 || len(s.Units) == 0 {
			t.Errorf("%s: %d units of %s, want those of %s", what, len(s.Units), s.SHA256, terms.Migration.SHA256)
		}
	default:
		decode[map[string]any](t, what, raw)
	}
}

func TestManifests_of_the_version_before_are_read_without_loss(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(written, "backups", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	formats, sealed := map[string]int{}, 0
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m := decode[backup.Manifest](t, f, raw)
		formats[m.Format]++
		if m.Stored != nil {
			sealed++
		}
		if m.Name+".json" != filepath.Base(f) || m.Level == "" {
			t.Errorf("%s is of %q at level %q", f, m.Name, m.Level)
		}
	}
	if formats["custom"] == 0 || formats["directory"] == 0 || sealed < 2 {
		t.Errorf("the manifests are of the formats %v, %d of them compressed or encrypted", formats, sealed)
	}
}

func TestWaivers_of_the_version_before_are_read_without_loss(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(written, "waivers.json"))
	if err != nil {
		t.Fatal(err)
	}
	file := decode[struct {
		Schema  string             `json:"schema"`
		Waivers []sqlreview.Waiver `json:"waivers"`
	}](t, "waivers.json", raw)
	if all, err := sqlreview.DecodeWaivers(raw); err != nil || len(all) != len(file.Waivers) || len(all) != 2 {
		t.Errorf("%d waivers, %v; want 2", len(all), err)
	}
}
