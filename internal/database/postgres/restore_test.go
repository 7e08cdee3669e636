//go:build real

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/database"
)

// scratch gives the name of a database that is gone after the test.
func scratch(t *testing.T, d *Database) string {
	t.Helper()
	name := fmt.Sprintf("it's a \"scratch\" a=b %d", time.Now().UnixNano())
	t.Cleanup(func() {
		if err := d.DropDatabase(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	return name
}

func TestRestore_gives_back_every_row_into_a_new_database(t *testing.T) {
	url := filled(t)
	d := opened(t, url)
	dump, archive := dumped1(t, d)
	file := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(file, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []RestoreOptions{{Dumper: dump.Dumper}, {File: file, Jobs: 2, Owners: true}} {
		name := scratch(t, d)
		if err := d.CreateDatabase(t.Context(), NewDatabase{Name: name, Private: true, Comment: `it's \ a copy`}); err != nil {
			t.Fatal(err)
		}
		if err := d.Restore(t.Context(), name, bytes.NewReader(archive), o); err != nil {
			t.Fatal(err)
		}
		got, _ := dumped1(t, d.In(name))
		if !maps.Equal(got.Tables, dump.Tables) {
			t.Errorf("the copy's rows are %v, want %v", got.Tables, dump.Tables)
		}
		if err := d.Restore(t.Context(), name, bytes.NewReader(archive), o); !errors.Is(err, database.ErrOccupied) {
			t.Errorf("a second restore into it gives %v, want ErrOccupied", err)
		}
		if err := d.CreateDatabase(t.Context(), NewDatabase{Name: name}); !errors.Is(err, database.ErrOccupied) {
			t.Errorf("creating it again gives %v, want ErrOccupied", err)
		}
		if err := d.DropDatabase(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if n := ask[int](t, url, "SELECT count(*) FROM pg_database WHERE datname = $1", name); n != 0 {
			t.Error("the copy is still there after the drop")
		}
	}
}

func TestRestore_stops_at_the_first_error_and_never_touches_the_configured_database(t *testing.T) {
	url := filled(t)
	d := opened(t, url)
	_, archive := dumped1(t, d)
	name := scratch(t, d)
	if err := d.CreateDatabase(t.Context(), NewDatabase{Name: name}); err != nil {
		t.Fatal(err)
	}
	if err := d.Restore(t.Context(), name, bytes.NewReader(archive[:len(archive)/2]), RestoreOptions{}); err == nil {
		t.Error("half an archive is restored without an error")
	}
	if err := d.Restore(t.Context(), ask[string](t, url, "SELECT current_database()"), bytes.NewReader(archive), RestoreOptions{}); !errors.Is(err, database.ErrOccupied) {
		t.Errorf("a restore over the live database gives %v, want ErrOccupied", err)
	}
	if err := d.DropDatabase(t.Context(), ask[string](t, url, "SELECT current_database()")); err == nil {
		t.Error("the configured database was dropped")
	}
}
