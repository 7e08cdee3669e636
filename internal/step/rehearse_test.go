package step

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// oneBackup has one backup.
type oneBackup struct {
	backup.Store
	content string
	err     error
}

func (s oneBackup) Open(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(s.content)), s.err
}

// copyOf is a scratch copy that does what a test says.
type copyOf struct {
	out   database.Rehearsed
	trace sqlreview.Trace
	err   error
	from  *int
}

func (c copyOf) Rehearse(ctx context.Context, j database.Rehearsal, _ sqltext.Script) (database.Rehearsed,
	sqlreview.Trace, error) {
	*c.from = j.From
	r, err := j.Archive(ctx)
	if err != nil {
		return c.out, c.trace, err
	}
	_, _ = r.Read(make([]byte, 2)) // and no further
	_ = r.Close()
	if j.OldOnNew != nil {
		if err := j.OldOnNew(ctx, "postgres://u:secret@h/d"); err != nil {
			c.out.OldOnNew = &database.Tried{Fails: err.Error()}
		} else {
			c.out.OldOnNew = &database.Tried{}
		}
	}
	return c.out, c.trace, c.err
}

const rehearsedSQL = "ALTER TABLE orders ALTER COLUMN total TYPE bigint;\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i " +
	"ON orders(note);\n"

func rehearsal(t *testing.T, c copyOf) (Rehearse, engine.Input, *[]engine.Fact) {
	t.Helper()
	script, err := sqltext.Parse([]byte(rehearsedSQL))
	if err != nil {
		t.Fatal(err)
	}
	if c.from == nil {
		c.from = new(int)
	}
	s := Rehearse{On: c, Store: oneBackup{content: "the dump"}, Name: "m.sql", SQL: []byte(rehearsedSQL),
		Script:  script,
		Catalog: func(context.Context) (*sqlreview.Catalog, error) { return nil, nil }}
	proofs := engine.Proofs{}
	if err := proofs.Add(BackedUp{Manifest: backup.Manifest{Name: "b.dump",
		SHA256: release.SumDigest([]byte("the dump")).Hex(), Level: L2}}); err != nil {
		t.Fatal(err)
	}
	var noted []engine.Fact
	in := engine.Input{Ticket: fence.Ticket{App: "shop", Environment: "production", Run: "r-1", Number: 2},
		Terms: engine.Terms{Tag: "v2"}, Proofs: proofs,
		Say: func(engine.Progress) {}, Note: func(_ context.Context,
			f engine.Fact) error {
			noted = append(noted, f)
			return nil
		}}
	return s, in, &noted
}

func observed(fails string) sqlreview.Trace {
	return sqlreview.Trace{Statements: []sqlreview.Observed{
		{Statement: 0, Line: 1, Kind: "ALTER TABLE", Milliseconds: 900,
			Claims: sqlreview.Claims{Rewrites: []string{"orders"},
				Locks: []sqlreview.Lock{{Relation: "orders", Mode: "ACCESS EXCLUSIVE"},
					{Relation: "orders", Mode: "ROW SHARE"}, {Relation: "orders", Mode: "SHARE"},
					{Relation: "notes", Mode: "ROW EXCLUSIVE"}}}},
		{Statement: 1, Line: 2, Kind: "CREATE INDEX", Milliseconds: 400, Blind: true,
			Claims: sqlreview.Claims{Builds: []string{"orders"}, Fails: fails}},
	}, Again: &sqlreview.Again{}}
}

func TestRehearse_tells_what_to_expect_of_each_unit(t *testing.T) {
	s, in, noted := rehearsal(t, copyOf{trace: observed(""),
		out: database.Rehearsed{Where: "a server", Counted: true, Tables: 2, Rows: 10, Restored: 1500,
			Units: []database.UnitTook{{Unit: 0, Milliseconds: 1000}, {Unit: 1, Milliseconds: 400}}}})
	e, err := s.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	r := e.(Rehearsed)
	if r.Level != L3 || len(r.Units) != 2 || r.Units[0].Milliseconds != 1000 ||
		!slices.Equal(r.Units[0].Locks, []string{"orders ACCESS EXCLUSIVE"}) ||
		!slices.Equal(r.Units[1].Builds, []string{"orders"}) {
		t.Errorf("it says %+v", r)
	}
	const want = "2 tables and 10 rows restored and equal (L3) in 1.5 s on a server: 2 units took 1.4 s, rewriting " +
		"orders, locking orders ACCESS EXCLUSIVE; a second run goes through"
	if got, _, _ := strings.Cut(r.String(), "; DIFFERS"); got != want {
		t.Errorf("\n got %s\nwant %s", r, want)
	}
	in.Facts = *noted
	if seen, err := s.Probe(t.Context(), in); err != nil || seen.State != engine.Done {
		t.Errorf("a resumed run sees %+v, %v", seen, err)
	}
	_ = in.Proofs.Add(BackedUp{Manifest: backup.Manifest{Name: "another.dump", SHA256: "x"}})
	if seen, err := s.Probe(t.Context(), in); err != nil || seen.State != engine.NotDone {
		t.Errorf("with another backup it sees %+v, %v", seen, err)
	}
}

func TestRehearse_closes_the_gate_and_says_that_production_is_unchanged(t *testing.T) {
	for claim, c := range map[string]struct {
		copy    copyOf
		change  func(*Rehearse)
		code    fault.Code
		outcome fault.Outcome
		says    string
	}{
		"a statement fails on the data": {copyOf{trace: observed("column holds null values (SQLSTATE 23502)")}, nil,
			"rehearsal-failed", 0, "m.sql: line 2: CREATE INDEX failed: column holds null values"},
		"the script reaches outside": {copyOf{err: database.ErrOutside}, nil, "rehearsal-outside", fault.Refused,
			"beyond the scratch copy"},
		"there is too little space": {copyOf{err: database.ErrNoSpace}, nil, "rehearsal-impossible", 0,
			"too little space"},
		"the backup was changed": {copyOf{trace: observed("")},
			func(s *Rehearse) { s.Store = oneBackup{content: "another dump"} }, "rehearsal-impossible", 0,
			"has the sha256"},
		"the backup is encrypted": {copyOf{}, func(s *Rehearse) { s.Store = oneBackup{err: backup.ErrSealed} },
			"rehearsal-impossible", 0, "no key for it"},
		"the catalog cannot be read": {copyOf{}, func(s *Rehearse) {
			s.Catalog = func(context.Context) (*sqlreview.Catalog, error) { return nil, io.EOF }
		}, "rehearsal-impossible", 0, "catalog"},
		"what is in place cannot be known": {copyOf{}, func(s *Rehearse) {
			s.InPlace = func(context.Context) (int,
				error) {
				return 0, io.EOF
			}
		}, "rehearsal-impossible", 0, "in place"},
	} {
		s, in, noted := rehearsal(t, c.copy)
		if c.change != nil {
			c.change(&s)
		}
		_, err := s.Run(t.Context(), in)
		f, ok := fault.Find(err)
		if !ok || f.Code != c.code || f.Outcome != c.outcome || !strings.Contains(f.Error(), c.says) ||
			!strings.Contains(f.Means, "production is unchanged") || !fault.IsUntouched(err) {
			t.Errorf("%s: %v (%+v)", claim, err, f)
		}
		if len(*noted) > 0 {
			t.Errorf("%s: it is noted as done", claim)
		}
	}
}

func TestRehearse_passes_over_what_is_in_place(t *testing.T) {
	from := -1
	s, in, _ := rehearsal(t, copyOf{from: &from, trace: sqlreview.Trace{Statements: observed("").Statements[1:]},
		out: database.Rehearsed{Units: []database.UnitTook{{Unit: 1, Milliseconds: 5}}}})
	s.InPlace = func(context.Context) (int, error) { return 1, nil }
	e, err := s.Run(t.Context(), in)
	if err != nil || from != 1 || len(e.(Rehearsed).Units) != 1 || e.(Rehearsed).Level != L2 {
		t.Errorf("from %d: %+v, %v", from, e, err)
	}
	from = -1
	s.InPlace = func(context.Context) (int, error) { return 2, nil }
	if e, err = s.Run(t.Context(), in); err != nil || from != -1 ||
		e.String() != "nothing to rehearse: the migration is in place" {
		t.Errorf("from %d: %v, %v", from, e, err)
	}
}

func TestRehearse_gives_a_check_the_copy_and_the_images_and_hides_the_URL(t *testing.T) {
	s, in, _ := rehearsal(t, copyOf{trace: observed("")})
	digest := release.SumDigest([]byte("x"))
	in.Terms.Baseline = []release.Image{{Service: "web-api", Repo: "r/api", Digest: digest}}
	var got []string
	s.Old = []string{"check"}
	s.Command = func(_ context.Context, argv, environ []string) error {
		got = append(argv, environ...)
		return errors.New("cannot work with postgres://u:secret@h/d")
	}
	e, err := s.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"check", "FAIRLEAD_SCRATCH_URL=postgres://u:secret@h/d", "FAIRLEAD_IMAGE_WEB_API=" +
		in.Terms.Baseline[0].Ref()}; !slices.Equal(got, want) {
		t.Errorf("it ran %v, want %v", got, want)
	}
	if r := e.(Rehearsed); r.Copy.OldOnNew == nil || r.Copy.OldOnNew.Fails != "cannot work with ***" ||
		!strings.Contains(r.String(), "the old version FAILS on the new schema") {
		t.Errorf("it says %v %+v", e, r.Copy.OldOnNew)
	}
}
