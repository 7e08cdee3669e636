package backups

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/backup/dir"
	"fairlead/internal/config"
)

func TestManifestOf_the_newest_is_one_of_this_app_in_this_environment(t *testing.T) {
	s, err := dir.Open(dir.Config{Path: config.Path(t.TempDir())}, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) {
		p, err := s.Put(t.Context(), name)
		if err == nil {
			_, err = p.Write([]byte(text))
		}
		if err == nil {
			err = p.Commit(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	keep := func(app string, day int) string {
		m := backup.Manifest{Schema: "fairlead.backup/1", Name: app + "-production-r-1.dump", Run: "r-1", App: app,
			Env: "production", Level: "L2",
			SHA256: strings.Repeat("a", 64), Size: 5, Snapshot: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC)}
		b, _ := json.Marshal(m)
		put(m.Name, "PGDMP")
		put(m.Name+".json", string(b))
		return m.Name
	}
	mine := keep("shop", 1)
	keep("bank", 2)
	b := New(Parts{Store: s, App: "shop", Environment: "production"})
	if m, err := b.Manifest(t.Context(), ""); err != nil || m.Name != mine {
		t.Errorf("the newest backup of shop is %q (%v), want %s", m.Name, err, mine)
	}
	b.with.App = "library"
	if m, err := b.Manifest(t.Context(), ""); err == nil {
		t.Errorf("an app without a backup is rehearsed with %s", m.Name)
	}
}
