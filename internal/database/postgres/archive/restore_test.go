//go:build postgres

package archive

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

func TestRestore_gives_back_every_row_into_a_new_database(t *testing.T) {
	url := servertest.Filled(t)
	d := opened(t, url)
	dump, archive := dumped1(t, d)
	file := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(file, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []database.RestoreOptions{{Dumper: dump.Dumper}, {File: file, Jobs: 2, Owners: true}} {
		name := servertest.Unused(t, d)
		if err := d.CreateDatabase(t.Context(), database.NewDatabase{Name: name, Private: true,
			Comment: `it's \ a copy`}); err != nil {
			t.Fatal(err)
		}
		if err := d.Restore(t.Context(), name, bytes.NewReader(archive), o); err != nil {
			t.Fatal(err)
		}
		got, _ := dumped1(t, New(d.server.In(name)))
		if !maps.Equal(got.Tables, dump.Tables) {
			t.Errorf("the copy's rows are %v, want %v", got.Tables, dump.Tables)
		}
		if err := d.Restore(t.Context(), name, bytes.NewReader(archive), o); !errors.Is(err, database.ErrOccupied) {
			t.Errorf("a second restore into it gives %v, want ErrOccupied", err)
		}
		if err := d.CreateDatabase(t.Context(), database.NewDatabase{Name: name}); !errors.Is(err,
			database.ErrOccupied) {
			t.Errorf("creating it again gives %v, want ErrOccupied", err)
		}
		if err := d.DropDatabase(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if n := servertest.Ask[int](t, url, "SELECT count(*) FROM pg_database WHERE datname = $1", name); n != 0 {
			t.Error("the copy is still there after the drop")
		}
	}
}

func TestRestore_stops_at_the_first_error_and_never_touches_the_configured_database(t *testing.T) {
	url := servertest.Filled(t)
	d := opened(t, url)
	_, archive := dumped1(t, d)
	name := servertest.Unused(t, d)
	if err := d.CreateDatabase(t.Context(), database.NewDatabase{Name: name}); err != nil {
		t.Fatal(err)
	}
	if err := d.Restore(t.Context(), name, bytes.NewReader(archive[:len(archive)/2]),
		database.RestoreOptions{}); err == nil {
		t.Error("half an archive is restored without an error")
	}
	if err := d.Restore(t.Context(), servertest.Ask[string](t, url, "SELECT current_database()"),
		bytes.NewReader(archive), database.RestoreOptions{}); !errors.Is(err, database.ErrOccupied) {
		t.Errorf("a restore over the live database gives %v, want ErrOccupied", err)
	}
	if err := d.DropDatabase(t.Context(), servertest.Ask[string](t, url, "SELECT current_database()")); err == nil {
		t.Error("the configured database was dropped")
	}
}

func TestRestore_refuses_a_database_without_schema_public_that_holds_something(t *testing.T) {
	d := opened(t, servertest.Filled(t))
	for _, sql := range []string{"CREATE SCHEMA shop; CREATE TABLE shop.orders (n int)",
		"CREATE TABLE pg_temp.x (n int); SELECT lo_create(0)"} {
		name := servertest.Unused(t, d)
		if err := d.CreateDatabase(t.Context(), database.NewDatabase{Name: name}); err != nil {
			t.Fatal(err)
		}
		err := d.server.In(name).With(t.Context(), func(ctx context.Context, conn *pgx.Conn) error {
			return server.Run(ctx, conn, "fill", "DROP SCHEMA public; "+sql)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.restorer(t.Context(), name, database.RestoreOptions{}); !errors.Is(err, database.ErrOccupied) {
			t.Errorf("%s: %v, want ErrOccupied", sql, err)
		}
	}
}

func TestRestore_refuses_a_template_and_a_database_that_holds_nothing_but_types(t *testing.T) {
	d := opened(t, servertest.Fresh(t))
	name := servertest.Unused(t, d)
	if err := d.CreateDatabase(t.Context(), database.NewDatabase{Name: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.restorer(t.Context(), name, database.RestoreOptions{}); err != nil {
		t.Errorf("a new database: %v", err)
	}
	err := d.server.In(name).With(t.Context(), func(ctx context.Context, conn *pgx.Conn) error {
		return server.Run(ctx, conn, "fill", "CREATE TYPE public.mood AS ENUM ('sad')")
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []string{name, "template1"} {
		if _, err := d.restorer(t.Context(), of, database.RestoreOptions{}); !errors.Is(err, database.ErrOccupied) {
			t.Errorf("%s: %v, want ErrOccupied", of, err)
		}
	}
}
