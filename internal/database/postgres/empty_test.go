//go:build real

package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
)

func TestRestore_refuses_a_database_without_schema_public_that_holds_something(t *testing.T) {
	d := opened(t, filled(t))
	for _, sql := range []string{"CREATE SCHEMA shop; CREATE TABLE shop.orders (n int)", "CREATE TABLE pg_temp.x (n int); SELECT lo_create(0)"} {
		name := scratch(t, d)
		if err := d.CreateDatabase(t.Context(), NewDatabase{Name: name}); err != nil {
			t.Fatal(err)
		}
		err := d.In(name).with(t.Context(), func(ctx context.Context, conn *pgx.Conn) error {
			return run(ctx, conn, "fill", "DROP SCHEMA public; "+sql)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.restorer(t.Context(), name, RestoreOptions{}); !errors.Is(err, database.ErrOccupied) {
			t.Errorf("%s: %v, want ErrOccupied", sql, err)
		}
	}
}

func TestRestore_refuses_a_template_and_a_database_that_holds_nothing_but_types(t *testing.T) {
	d := opened(t, fresh(t))
	name := scratch(t, d)
	if err := d.CreateDatabase(t.Context(), NewDatabase{Name: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.restorer(t.Context(), name, RestoreOptions{}); err != nil {
		t.Errorf("a new database: %v", err)
	}
	err := d.In(name).with(t.Context(), func(ctx context.Context, conn *pgx.Conn) error {
		return run(ctx, conn, "fill", "CREATE TYPE public.mood AS ENUM ('sad')")
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []string{name, "template1"} {
		if _, err := d.restorer(t.Context(), of, RestoreOptions{}); !errors.Is(err, database.ErrOccupied) {
			t.Errorf("%s: %v, want ErrOccupied", of, err)
		}
	}
}
