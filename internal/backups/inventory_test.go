package backups

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/engine"
	"fairlead/internal/step"
)

// still is a store of objects that are there.
type still map[string]string

func (s still) Put(context.Context, string) (backup.Partial, error) {
	return nil, errors.New("this store is only read")
}
func (s still) Ready(context.Context) error { return nil }
func (s still) Location() string            { return "still" }
func (s still) Open(_ context.Context, name string) (io.ReadCloser, error) {
	text, ok := s[name]
	if !ok {
		return nil, backup.ErrMissing
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

func (s still) List(context.Context) ([]backup.Object, error) {
	var all []backup.Object
	for name, text := range s {
		all = append(all, backup.Object{Name: name, Size: int64(len(text)),
			At: time.Date(2026, 11, 25, 0, 0, len(name), 0, time.UTC)})
	}
	return all, nil
}

func manifestOf(name, dump string, change func(*backup.Manifest)) string {
	sum := sha256.Sum256([]byte(dump))
	m := backup.Manifest{Schema: "fairlead.backup/1", Name: name, Run: "r-1", SHA256: hex.EncodeToString(sum[:]),
		Size: int64(len(dump)), Level: "L2",
		Tables: map[string]int64{"public.a": 1}, Snapshot: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}
	if change != nil {
		change(&m)
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func TestInventory_tells_backups_from_what_is_none(t *testing.T) {
	s := still{
		"good.dump": "PGDMP", "good.dump.json": manifestOf("good.dump", "PGDMP", nil),
		"good.dump.globals.sql": "CREATE ROLE a;",
		"bare.dump":             "PGDMP",
		"gone.dump.json":        manifestOf("gone.dump", "PGDMP", nil),
		"cut.dump":              "PG", "cut.dump.json": manifestOf("cut.dump", "PGDMP", nil),
		"odd.dump": "PGDMP", "odd.dump.json": "{not json",
		"other.dump": "PGDMP", "other.dump.json": manifestOf("good.dump", "PGDMP", nil),
		"sealed.dump": "ciphertext", "sealed.dump.json": manifestOf("sealed.dump", "PGDMP",
			func(m *backup.Manifest) { m.Stored = &backup.Stored{Size: 10, Encryption: "age"} }),
		"notes.txt": "somebody's", ".dump": "", "README": "x",
	}
	all, err := inventory(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, k := range all {
		got[k.Name] = k.Trouble
		if k.Reliable() != (k.Trouble == "") {
			t.Errorf("%s is reliable: %v, its trouble: %q", k.Name, k.Reliable(), k.Trouble)
		}
	}
	for name, trouble := range map[string]string{"good.dump": "", "sealed.dump": "", "bare.dump": "no manifest",
		"gone.dump": "its dump is gone",
		"cut.dump":  "the store has 2 bytes", "odd.dump": "read the manifest", "other.dump": "it is not one"} {
		if text, ok := got[name]; !ok || (text == "") != (trouble == "") || !strings.Contains(text, trouble) {
			t.Errorf("%s: the trouble is %q (listed: %v), want %q", name, text, ok, trouble)
		}
	}
	if len(got) != 7 {
		t.Errorf("it lists %v", got)
	}
	i := slices.IndexFunc(all, func(k backup.Entry) bool { return k.Name == "good.dump" })
	if k := all[i]; len(k.Beside) != 2 || k.Label.Tables != 1 || k.At.Day() != 20 {
		t.Errorf("the good one is %+v", k)
	}
}

func TestRereadGlobals_finds_what_was_changed_and_what_is_gone(t *testing.T) {
	sum := sha256.Sum256([]byte("CREATE ROLE a;"))
	m := backup.Manifest{Globals: &backup.Attached{Name: "a.dump.globals.sql", Size: 14,
		SHA256: hex.EncodeToString(sum[:])}}
	if err := rereadGlobals(t.Context(), still{"a.dump.globals.sql": "CREATE ROLE a;"}, m); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"CREATE ROLE b;", "CREATE ROLE a", "CREATE ROLE a;;", ""} {
		if err := rereadGlobals(t.Context(), still{"a.dump.globals.sql": text}, m); !errors.Is(err, backup.ErrChanged) {
			t.Errorf("%q: %v, want ErrChanged", text, err)
		}
	}
	if err := rereadGlobals(t.Context(), still{}, m); !errors.Is(err, backup.ErrMissing) {
		t.Errorf("gone: %v, want ErrMissing", err)
	}
}

func TestCited_gives_what_records_speak_of_and_AsRecorded_compares(t *testing.T) {
	m := backup.Manifest{Name: "a.dump", Run: "r-1", SHA256: strings.Repeat("a", 64)}
	fact := engine.NewFact(step.TakenKind, m)
	evidence, err := json.Marshal(step.BackedUp{Manifest: backup.Manifest{Name: "b.dump",
		SHA256: strings.Repeat("b", 64)}})
	if err != nil {
		t.Fatal(err)
	}
	records := []engine.Record{{Verdict: engine.Noted, Kind: fact.Kind, Evidence: fact.Body},
		{Verdict: engine.Proven, Kind: step.BackedUp{}.Kind(), Evidence: evidence},
		{Kind: step.TakenKind, Evidence: []byte("nonsense")},
		{Kind: "other/1", Evidence: bytes.Repeat([]byte("{}"), 1)}}
	got := cited(records)
	if len(got) != 2 || got["a.dump"] != m.SHA256 || got["b.dump"] == "" {
		t.Errorf("cited are %v", got)
	}
	if err := asRecorded(records, m); err != nil {
		t.Error(err)
	}
	m.SHA256 = strings.Repeat("c", 64)
	if asRecorded(records, m) == nil {
		t.Error("a manifest that was replaced is taken")
	}
	m.Name = "unknown.dump"
	if err := asRecorded(records, m); err != nil {
		t.Errorf("a backup that no record speaks of: %v", err)
	}
}
