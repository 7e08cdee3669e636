package step

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// rehearser tries a script on a scratch copy of a backup.
type rehearser interface {
	Rehearse(ctx context.Context, j database.Rehearsal, s sqltext.Script) (database.Rehearsed, sqlreview.Trace, error)
}

// Rehearse tries the migration on a scratch copy of the backup just taken, twice, and closes the gate when it fails
// there. It changes nothing in production; the copy is gone afterwards.
type Rehearse struct {
	On         rehearser
	Store      backup.Store
	SchemaOnly bool
	Limit      time.Duration // 0: none
	Name       string        // of the migration, for the reader
	SQL        []byte
	Script     sqltext.Script // of SQL
	Catalog    func(context.Context) (*sqlreview.Catalog, error)
	Policy     sqlreview.Policy
	InPlace    func(context.Context) (int, error) // units that are applied already; nil: none
	// commands that check a version on the schema of the other one; empty: none
	Old, New []string
	Command  func(ctx context.Context, argv, environ []string) error
}

// Rehearsed is the evidence of Rehearse.
type Rehearsed struct {
	Mode   string             `json:"mode"` // schema or full
	Backup string             `json:"backup"`
	SHA256 string             `json:"sha256"` // of the backup
	Level  string             `json:"level"`  // L3 when rows and objects of the copy equal the backup's
	From   int                `json:"from"`   // first unit; what is before was in place
	Units  []RehearsedUnit    `json:"units"`
	Again  string             `json:"again,omitempty"`  // how the second run failed; "" when it went through
	Differ []string           `json:"differ,omitempty"` // where the server did something else than the review claims
	Copy   database.Rehearsed `json:"copy"`
}

// RehearsedUnit is what one unit did on the copy.
type RehearsedUnit struct {
	Unit         int      `json:"unit"`
	Line         int      `json:"line"`
	Milliseconds int64    `json:"ms"`
	Locks        []string `json:"locks,omitempty"` // those that stop writers or readers, like "orders ACCESS EXCLUSIVE"
	Rewrites     []string `json:"rewrites,omitempty"`
	Builds       []string `json:"builds,omitempty"` // tables that got an index
}

// Kind names the evidence.
func (Rehearsed) Kind() engine.Kind { return "rehearsed/1" }

// String says what was tried and what is to be expected.
func (r Rehearsed) String() string {
	if len(r.Units) == 0 {
		return "nothing to rehearse: the migration is in place"
	}
	restored := fmt.Sprintf("schema alone, blind for data (backup stays %s)", r.Level)
	if r.Copy.Counted {
		restored = fmt.Sprintf("%s and %d rows restored and equal (%s) in %s", count(r.Copy.Tables, "table"),
			r.Copy.Rows, r.Level, lasting(r.Copy.Restored))
	}
	second := "a second run goes through"
	if r.Again != "" {
		second = "a second run would fail"
	}
	text := fmt.Sprintf("%s on %s: %s took %s%s; %s", restored, r.Copy.Where, count(len(r.Units), "unit"),
		lasting(r.took()), r.heaviest(), second)
	if n := len(r.Differ); n > 0 {
		text += fmt.Sprintf("; DIFFERS from the review in %s", count(n, "place"))
	}
	if o := r.Copy.OldOnNew; o != nil {
		text += "; the old version " + passes(o) + " on the new schema"
	}
	if n := r.Copy.NewOnOld; n != nil {
		text += "; the new version " + passes(n) + " on the old schema"
	}
	return text
}

func passes(t *database.Tried) string {
	if t.Fails == "" {
		return "works"
	}
	return "FAILS"
}

func (r Rehearsed) took() (all int64) {
	for _, u := range r.Units {
		all += u.Milliseconds
	}
	return all
}

// heaviest names what the longest unit with a rewrite or a lock did.
func (r Rehearsed) heaviest() string {
	var rewritten, locked []string
	for _, u := range r.Units {
		rewritten, locked = append(rewritten, u.Rewrites...), append(locked, u.Locks...)
	}
	text := ""
	if len(rewritten) > 0 {
		text = ", rewriting " + few(rewritten)
	}
	if len(locked) > 0 {
		text += ", locking " + few(locked)
	}
	return text
}

func few(all []string) string {
	const shown = 3
	all = slices.Compact(slices.Sorted(slices.Values(all)))
	if len(all) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:shown], ", "), len(all)-shown)
	}
	return strings.Join(all, ", ")
}

func lasting(ms int64) string { return fmt.Sprintf("%.1f s", float64(ms)/1000) }

// Spec declares the step.
func (Rehearse) Spec() engine.Spec {
	return engine.Spec{Name: "rehearse", Title: "Rehearse the migration on a copy", Effect: engine.Repeatable,
		Needs: []engine.Kind{BackedUp{}.Kind()}, Proves: Rehearsed{}.Kind(),
		Runbook: []string{"createdb rehearsal && pg_restore --exit-on-error --dbname=rehearsal backup.dump",
			"psql rehearsal -v ON_ERROR_STOP=1 -f migration.sql", "dropdb rehearsal"}}
}

// rehearsedKind is the fact noted once a rehearsal has come to its end.
const rehearsedKind engine.Kind = "rehearsal-done/1"

// Probe finds a rehearsal of this run with the very backup that counts now.
func (s Rehearse) Probe(_ context.Context, in engine.Input) (engine.Observation, error) {
	b, err := engine.Recall[BackedUp](in.Proofs)
	if err != nil {
		return engine.Observation{}, err
	}
	for i := len(in.Facts) - 1; i >= 0; i-- {
		var e Rehearsed
		if in.Facts[i].Kind == rehearsedKind && json.Unmarshal(in.Facts[i].Body, &e) == nil &&
			e.SHA256 == b.Manifest.SHA256 && e.Backup == b.Manifest.Name {
			return engine.Observation{State: engine.Done, Evidence: e,
				Because: "it was rehearsed with this backup by this run"}, nil
		}
	}
	return engine.Observation{State: engine.NotDone, Because: "this run has not rehearsed with this backup"}, nil
}

// Run rehearses.
func (s Rehearse) Run(ctx context.Context, in engine.Input) (engine.Evidence, error) {
	b, err := engine.Recall[BackedUp](in.Proofs)
	if err != nil {
		return nil, fault.MarkUntouched(err)
	}
	owner := in.Ticket.App + "/" + in.Ticket.Environment
	j := database.Rehearsal{Owner: owner, Run: in.Ticket.Run, Number: in.Ticket.Number,
		Say:      func(text string) { in.Say(engine.Progress{Text: text}) },
		OldOnNew: s.check(s.Old, in.Terms.Baseline), NewOnOld: s.check(s.New, in.Terms.Images)}
	e, err := s.Try(ctx, j, b.Manifest)
	if err != nil {
		return nil, RehearsalFault(s.Name, err, again(in))
	}
	if err := in.Note(ctx, engine.NewFact(rehearsedKind, e)); err != nil {
		return nil, fault.MarkUntouched(err)
	}
	return e, nil
}

// Try rehearses with a backup, outside of a run too. j says for whom; its archive, its dump and its first unit are
// filled in.
func (s Rehearse) Try(ctx context.Context, j database.Rehearsal, m backup.Manifest) (Rehearsed, error) {
	if s.Limit > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, s.Limit,
			fmt.Errorf("it took longer than rehearse.limit, %s", s.Limit))
		defer cancel()
		ctx = limited
	}
	e := Rehearsed{Mode: "full", Backup: m.Name, SHA256: m.SHA256, Level: m.Level}
	if s.SchemaOnly {
		e.Mode = "schema"
	}
	var err error
	if s.InPlace != nil {
		if e.From, err = s.InPlace(ctx); err != nil {
			return e, fmt.Errorf("look what of the migration is in place: %w", err)
		}
	}
	if e.From >= len(s.Script.Units) {
		return e, nil
	}
	catalog, err := s.Catalog(ctx)
	if err != nil {
		return e, fmt.Errorf("read the catalog: %w", err)
	}
	proof := &verifyingReader{store: s.Store, manifest: m}
	j.SchemaOnly, j.Dump, j.Archive, j.From = s.SchemaOnly, DumpOf(m), proof.open, e.From
	rehearsed, trace, err := s.On.Rehearse(ctx, j, s.Script)
	if proof.err != nil {
		err = errors.Join(proof.err, err)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w (%w)", cause, err)
		}
		return e, err
	}
	if e.Copy = rehearsed; rehearsed.Counted {
		e.Level = L3
	}
	report := sqlreview.Review(sqlreview.Input{Files: []sqlreview.File{{Name: s.Name, SQL: s.SQL, Script: &s.Script}},
		Catalog: catalog, Policy: s.Policy, InPlace: e.From})
	return e, e.judge(s, sqlreview.WithTrace(report, s.Name, trace), trace)
}

// A refusal is a migration that does not come to its end on the copy.
type refusal struct {
	line int
	text string
}

// Error names the line.
func (r refusal) Error() string { return fmt.Sprintf("line %d: %s", r.line, r.text) }

// judge takes from the trace what a person wants to know before the migration runs.
func (e *Rehearsed) judge(s Rehearse, r sqlreview.Report, trace sqlreview.Trace) error {
	for _, f := range r.Findings {
		switch {
		case f.Evidence != "trace":
		case f.Severity == sqlreview.SeverityBlock:
			return refusal{f.Line, f.Message}
		case f.Rule == "trace-disagrees":
			e.Differ = append(e.Differ, fmt.Sprintf("line %d: %s", f.Line, f.Message))
		}
	}
	if trace.Again != nil {
		e.Again = trace.Again.Fails
	}
	e.Units = unitsOf(s.Script, e.From, trace, e.Copy.Units)
	e.Copy.Units = nil
	return nil
}

func unitsOf(s sqltext.Script, from int, trace sqlreview.Trace, took []database.UnitTook) []RehearsedUnit {
	seen := map[int]sqlreview.Observed{}
	for _, o := range trace.Statements {
		seen[o.Statement] = o
	}
	var all []RehearsedUnit
	for _, u := range s.Units[from:] {
		r, locks := RehearsedUnit{Unit: u.Index}, []sqlreview.Lock(nil)
		for _, st := range u.Statements {
			if r.Line == 0 {
				r.Line = st.Line
			}
			o := seen[st.Index]
			locks = append(locks, o.Claims.Locks...)
			r.Rewrites, r.Builds = append(r.Rewrites, o.Claims.Rewrites...), append(r.Builds, o.Claims.Builds...)
		}
		for _, t := range took {
			if t.Unit == u.Index {
				r.Milliseconds = t.Milliseconds
			}
		}
		r.Locks, r.Rewrites, r.Builds = most(stopping(locks)), most(r.Rewrites), most(r.Builds)
		all = append(all, r)
	}
	return all
}

// stopping gives the strongest lock on each relation, of those that stop writers or readers.
func stopping(locks []sqlreview.Lock) []string {
	modes := sqlreview.LockModes()
	strongest := map[string]int{}
	for _, l := range locks {
		strongest[l.Relation] = max(strongest[l.Relation], slices.Index(modes, l.Mode))
	}
	var all []string
	for relation, mode := range strongest {
		if mode >= slices.Index(modes, "SHARE") {
			all = append(all, relation+" "+modes[mode])
		}
	}
	return all
}

// most keeps a record small.
func most(all []string) []string {
	const kept = 50
	all = slices.Compact(slices.Sorted(slices.Values(all)))
	if n := len(all); n > kept {
		all = append(all[:kept], fmt.Sprintf("and %d more", n-kept))
	}
	return all
}

// check makes a command that meets a schema; nil when there is none, or no version to check.
func (s Rehearse) check(argv []string, images []release.Image) func(context.Context, string) error {
	if len(argv) == 0 {
		return nil
	}
	return func(ctx context.Context, url string) error {
		environ := []string{"FAIRLEAD_SCRATCH_URL=" + url}
		for _, i := range images {
			environ = append(environ, "FAIRLEAD_IMAGE_"+variable(i.Service)+"="+i.Ref())
		}
		err := s.Command(ctx, argv, environ)
		if err != nil {
			return errors.New(strings.ReplaceAll(err.Error(), url, "***"))
		}
		return nil
	}
}

// variable makes a service's name one of a variable.
func variable(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}

// RehearsalFault says why there is no evidence of a rehearsal of a migration. Whatever it was, nothing was changed.
func RehearsalFault(name string, err error, again fault.Command) *fault.Fault {
	f := &fault.Fault{Code: "rehearsal-impossible", What: "the migration could not be rehearsed",
		Means: "nothing was migrated; production is unchanged",
		Err:   fault.MarkUntouched(err), Do: []fault.Command{{Line: "fairlead check",
			Why: "asks the database and its programs again"}, again}}
	var r refusal
	switch {
	case errors.As(err, &r):
		f.Code, f.What = "rehearsal-failed", "the migration fails on a copy of the database, "+name
		f.Do = []fault.Command{{Line: "fairlead review " + fault.Word(name),
			Why: "reads the migration again once it is corrected"}, again}
	case errors.Is(err, database.ErrOutside):
		f.Code, f.Outcome = "rehearsal-outside", fault.Refused
	case errors.Is(err, backup.ErrSealed):
		f.What = "the migration could not be rehearsed, because the backup is encrypted and this machine has no " +
			"key for it"
	}
	return f
}

// verifyingReader opens the backup and proves that what was restored is what was written.
type verifyingReader struct {
	store    backup.Store
	manifest backup.Manifest
	err      error
	r        io.ReadCloser
	hash     hash.Hash
}

func (p *verifyingReader) open(ctx context.Context) (io.ReadCloser, error) {
	r, err := p.store.Open(ctx, p.manifest.Name)
	if err != nil {
		return nil, err
	}
	p.r, p.hash = r, sha256.New()
	return p, nil
}

// Read hashes what passes.
func (p *verifyingReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.hash.Write(b[:n])
	return n, err
}

// Close reads what is left, and compares.
func (p *verifyingReader) Close() error {
	_, err := io.Copy(io.Discard, io.TeeReader(p.r, p.hash))
	if got := hex.EncodeToString(p.hash.Sum(nil)); err == nil && got != p.manifest.SHA256 {
		err = fmt.Errorf("the backup %s has the sha256 %.12s, it was written with %.12s", p.manifest.Name, got,
			p.manifest.SHA256)
	}
	p.err = err
	return errors.Join(err, p.r.Close())
}
