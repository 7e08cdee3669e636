package step

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/database"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
)

// cupboard is a store in memory. spoil changes what is read back; refuse names the object that cannot be committed.
type cupboard struct {
	objects map[string][]byte
	spoil   func([]byte) []byte
	refuse  string
}

func (c *cupboard) Put(_ context.Context, name string) (backup.Partial, error) {
	if _, ok := c.objects[name]; ok {
		return nil, backup.ErrExists
	}
	return &draft{c: c, name: name}, nil
}

func (c *cupboard) Open(_ context.Context, name string) (io.ReadCloser, error) {
	b, ok := c.objects[name]
	if !ok {
		return nil, backup.ErrMissing
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (c *cupboard) List(context.Context) ([]backup.Object, error) {
	var all []backup.Object
	for name, b := range c.objects {
		all = append(all, backup.Object{Name: name, Size: int64(len(b))})
	}
	return all, nil
}

func (c *cupboard) Delete(_ context.Context, name, _ string) error {
	if _, ok := c.objects[name]; !ok {
		return backup.ErrMissing
	}
	delete(c.objects, name)
	return nil
}

func (c *cupboard) Ready(context.Context) error { return nil }
func (c *cupboard) Location() string            { return "a cupboard" }

type draft struct {
	bytes.Buffer
	c    *cupboard
	name string
}

func (d *draft) Reread(context.Context) (io.ReadCloser, error) {
	b := bytes.Clone(d.Bytes())
	if d.c.spoil != nil {
		b = d.c.spoil(b)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (d *draft) Commit(context.Context) error {
	if d.c.refuse != "" && strings.HasSuffix(d.name, d.c.refuse) {
		return errors.New("the lid is stuck")
	}
	d.c.objects[d.name] = bytes.Clone(d.Bytes())
	return nil
}

func (d *draft) Abort() error { return nil }

// clerk writes a dump of one table and verifies that what it reads is one.
type clerk struct {
	ends    error // how dumping ends, after all bytes
	lacks   error // what Verify finds
	refuses error // what Restore says
	made    []string
	dropped []string
}

const written = "PGDMP and forty-two rows, in a dump of some length"

func (c *clerk) Dump(_ context.Context, w io.Writer) (database.Dump, error) {
	if _, err := io.WriteString(w, written); err != nil {
		return database.Dump{}, err
	}
	return database.Dump{Database: "shop", Format: "custom", Tables: map[string]int64{"public.orders": 42},
		DatabaseSize: 100}, c.ends
}

func (c *clerk) Verify(_ context.Context, r io.Reader, _ database.Dump) error {
	_, _ = io.CopyN(io.Discard, r, 10) // what it does not read is read for the hash
	return c.lacks
}

func (c *clerk) Globals(_ context.Context, w io.Writer) ([]string, error) {
	_, err := io.WriteString(w, "CREATE ROLE shop;\n")
	return []string{"passwords"}, err
}

func (c *clerk) CreateDatabase(_ context.Context, n database.NewDatabase) error {
	c.made = append(c.made, n.Name)
	return nil
}

func (c *clerk) Restore(_ context.Context, _ string, r io.Reader, _ database.RestoreOptions) error {
	_, err := io.Copy(io.Discard, r)
	return errors.Join(err, c.refuses)
}

func (c *clerk) Compare(context.Context, string, database.Dump) error { return nil }

func (c *clerk) DropDatabase(_ context.Context, name string) error {
	c.dropped = append(c.dropped, name)
	return nil
}

func order() BackupRequest {
	return BackupRequest{App: "my_shop", Environment: "production", Run: "r-1", Say: func(engine.Progress) {}}
}

func takes(s *cupboard, c *clerk, level string) Backup {
	at := time.Date(2026, 11, 24, 20, 30, 15, 0, time.UTC)
	return Backup{Database: c, Scratch: c, Store: s, Level: level, Now: func() time.Time { return at }}
}

func TestTake_leaves_a_dump_its_roles_and_its_manifest(t *testing.T) {
	s, c := &cupboard{objects: map[string][]byte{}}, &clerk{}
	m, err := takes(s, c, "").Take(t.Context(), order())
	if err != nil {
		t.Fatal(err)
	}
	const name = "my-shop-production-r-1-203015.dump"
	for object, part := range map[string]string{name: written, name + ".globals.sql": "CREATE ROLE", name +
		".json": `"level": "L2"`} {
		if !strings.Contains(string(s.objects[object]), part) {
			t.Errorf("%s holds %q, want %q in it", object, s.objects[object], part)
		}
	}
	read, err := ReadManifest(t.Context(), s, name)
	if err != nil || read.SHA256 != m.SHA256 || read.Size != int64(len(written)) ||
		read.Globals.Name != name+".globals.sql" || DumpOf(read).Tables["public.orders"] != 42 {
		t.Errorf("the manifest reads %+v, %v", read, err)
	}
	if len(c.made) > 0 {
		t.Errorf("level L2 restored it into %v", c.made)
	}
}

func TestTake_leaves_nothing_when_anything_is_wrong(t *testing.T) {
	broken := errors.New("broken")
	for name, f := range map[string]struct {
		store cupboard
		clerk clerk
		level string
	}{
		"the dump program fails after all bytes": {clerk: clerk{ends: broken}, level: L1},
		"the archive lacks a table":              {clerk: clerk{lacks: broken}},
		"one bit is flipped at rest": {
			store: cupboard{spoil: func(b []byte) []byte { b[len(b)-3] ^= 4; return b }},
		},
		"one bit is flipped at rest, level L1": {
			store: cupboard{spoil: func(b []byte) []byte { b[len(b)-3] ^= 4; return b }},
			level: L1},
		"one byte is cut off": {
			store: cupboard{spoil: func(b []byte) []byte { return b[:len(b)-1] }},
		},
		"one byte is added": {store: cupboard{spoil: func(b []byte) []byte {
			return append(b, 0)
		}}},
		"an older good dump is read back": {
			store: cupboard{spoil: func([]byte) []byte { return []byte(strings.Replace(written, "two", "one", 1)) }},
		},
		"it cannot be restored, level L3": {clerk: clerk{refuses: broken}, level: L3},
		"the dump cannot be made visible": {store: cupboard{refuse: ".dump"}},
		"the roles cannot be kept":        {store: cupboard{refuse: ".globals.sql"}},
		"the manifest cannot be kept":     {store: cupboard{refuse: ".json"}},
		"the bit flips after the first reading at L3": {
			store: cupboard{spoil: second(func(b []byte) []byte { b[0] ^= 1; return b })}, level: L3,
		},
	} {
		f.store.objects = map[string][]byte{}
		if _, err := takes(&f.store, &f.clerk, f.level).Take(t.Context(), order()); err == nil {
			t.Errorf("%s: it passes", name)
		}
		if len(f.store.objects) > 0 {
			t.Errorf("%s: it leaves %v", name, f.store.objects)
		}
		if n := len(f.clerk.made); n > 0 && !slices.Contains(f.clerk.dropped[1:], f.clerk.made[0]) {
			t.Errorf("%s: the scratch database %v is not dropped", name, f.clerk.made)
		}
	}
}

// second spoils all but the first reading.
func second(spoil func([]byte) []byte) func([]byte) []byte {
	n := 0
	return func(b []byte) []byte {
		if n++; n == 1 {
			return b
		}
		return spoil(b)
	}
}

func TestTake_restores_and_drops_at_level_L3(t *testing.T) {
	s, c := &cupboard{objects: map[string][]byte{}}, &clerk{}
	m, err := takes(s, c, L3).Take(t.Context(), order())
	if err != nil || m.Level != L3 {
		t.Fatalf("%+v, %v", m, err)
	}
	// once before, of a killed attempt, once after
	if !slices.Equal(c.made, []string{"fairlead_verify_r-1"}) || len(c.dropped) != 2 {
		t.Errorf("made %v, dropped %v", c.made, c.dropped)
	}
}

func TestPace_says_rate_and_end(t *testing.T) {
	now := time.Unix(0, 0)
	var said []engine.Progress
	p := newPace(func(g engine.Progress) { said = append(said, g) }, func() time.Time { return now })
	p.begin("writing", 100_000_000)
	for i := range 20 {
		now = now.Add(200 * time.Millisecond)
		p.bytes(int64(i+1) * 4_000_000)
	}
	if len(said) > 8 {
		t.Errorf("it speaks %d times in 4 seconds", len(said))
	}
	last := said[len(said)-1]
	if want := "writing, 20.0 MB/s, about 2s left"; last.Text != want &&
		last.Text != "writing, 20.0 MB/s, about 3s left" || last.Total != 100_000_000 {
		t.Errorf("it says %+v, want %q", last, want)
	}
}

func TestTally_says_how_much_of_a_dump_stands_elsewhere_then_how_much_is_stored(t *testing.T) {
	var said, stored []int64
	y := &tally{w: io.Discard, hash: sha256.New(), say: func(n int64) { said = append(said, n) },
		stored: func(n int64) { stored = append(stored, n) }}
	y.Ahead(10)
	y.Ahead(2 << 20)
	for range 2 {
		if _, err := y.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(said, []int64{10, 2 << 20, 1 << 20, 2 << 20}) || !slices.Equal(stored, []int64{2 << 20}) ||
		y.n != 2<<20 {
		t.Errorf("said %v, stored %v, %d bytes", said, stored, y.n)
	}
}

func TestEstimate_scales_the_last_backup_to_the_database_of_today(t *testing.T) {
	s, c := &cupboard{objects: map[string][]byte{}}, &clerk{}
	b := takes(s, c, "")
	if n := b.estimate(t.Context(), order()); n != 0 {
		t.Errorf("without a backup it guesses %d", n)
	}
	if _, err := b.Take(t.Context(), order()); err != nil {
		t.Fatal(err)
	}
	o := order()
	o.DatabaseSize = 300 // three times as large as it was
	if n := b.estimate(t.Context(), o); n != 3*int64(len(written)) {
		t.Errorf("it guesses %d, want %d", n, 3*len(written))
	}
}

func TestReadManifest_refuses_what_is_none(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "cut": `{"schema":"fairlead.back`,
		"another thing":     `{"schema":"x"}`,
		"of another backup": fmt.Sprintf(`{"schema":"fairlead.backup/1","name":"b","sha256":"%064d"}`, 1)} {
		s := &cupboard{objects: map[string][]byte{"a.json": []byte(text)}}
		if m, err := ReadManifest(t.Context(), s, "a"); err == nil {
			t.Errorf("%s: it reads %+v", name, m)
		}
	}
}

func TestBackup_that_fails_names_the_command_that_was_typed(t *testing.T) {
	for want, terms := range map[string]engine.Terms{
		"fairlead deploy v1.8.0": {Action: engine.Deploy, Tag: "v1.8.0"},
		"fairlead migrate apply migrations/0042_note.sql": {Action: engine.Migrate, Tag: "0042_note.sql",
			Migration: &release.Migration{File: "migrations/0042_note.sql"}},
		"fairlead migrate apply --command -- ./tool.sh up": {Action: engine.Migrate, Tag: "tool.sh",
			Migration: &release.Migration{Command: []string{"./tool.sh", "up"}}},
	} {
		_, err := takes(&cupboard{objects: map[string][]byte{}}, &clerk{ends: errors.New("pg_dump: exit status 1")},
			L1).Run(t.Context(), engine.Input{Terms: terms, Say: func(engine.Progress) {}})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Do[len(f.Do)-1].Line != want {
			t.Errorf("got %v; want the last line to be %q", err, want)
		}
	}
}
