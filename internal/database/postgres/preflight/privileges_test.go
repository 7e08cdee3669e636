//go:build postgres

package preflight

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqltext"
)

// privilegeCases are scripts with what stands against them, or "" for nothing. Each is also applied by the role itself:
// a problem is told exactly where the server refuses for lack of a right.
var privilegeCases = []struct{ sql, says string }{
	{"CREATE TABLE app.n (id int)", ""},
	{"CREATE TABLE public.n (id int)", `may not create anything in schema public; ask for: GRANT CREATE ON SCHEMA ` +
		`"public" TO "priv_app"`},
	{"CREATE TABLE n (id int)", `may not create anything in schema public`},
	{"CREATE TABLE IF NOT EXISTS public.theirs (id int)", `may not create anything in schema public`},
	{"CREATE TEMP TABLE n (id int)", ""},
	{"CREATE TABLE app.n AS SELECT 1 AS id", ""},
	{"CREATE TABLE IF NOT EXISTS public.theirs AS SELECT 1 AS id", ""},
	{"CREATE VIEW public.n AS SELECT 1 AS id", `may not create anything in schema public`},
	{"CREATE OR REPLACE VIEW app.their_view AS SELECT 1 AS id", `does not own app.their_view (owner does)`},
	{"CREATE SEQUENCE public.n", `may not create anything in schema public`},
	{"CREATE TYPE public.n AS ENUM ('a')", `may not create anything in schema public`},
	{"CREATE FUNCTION public.n() RETURNS int LANGUAGE sql AS 'SELECT 1'", `may not create anything in schema public`},
	{"CREATE SCHEMA n", `may not create schemas in database`},
	{"CREATE SCHEMA IF NOT EXISTS app", `may not create schemas in database`},
	{"ALTER TABLE app.mine ADD COLUMN note text", ""},
	{"ALTER TABLE app.theirs ADD COLUMN note text", `does not own app.theirs (owner does); ask for: ALTER TABLE ` +
		`app.theirs OWNER TO "priv_app"`},
	{"ALTER TABLE public.theirs ADD COLUMN note text", `does not own public.theirs`},
	{"ALTER TABLE hidden.theirs ADD COLUMN note text", `may not look into schema hidden; ask for: GRANT USAGE ON ` +
		`SCHEMA "hidden"`},
	{"CREATE INDEX ON app.mine (id)", ""},
	{"CREATE INDEX ON app.theirs (id)", `does not own app.theirs`},
	{"ALTER TABLE app.mine ADD FOREIGN KEY (id) REFERENCES app.theirs (id)",
		`has no REFERENCES right on app.theirs; ask for: GRANT REFERENCES ON app.theirs TO "priv_app"`},
	{"CREATE TABLE app.n (id int REFERENCES app.theirs)", `has no REFERENCES right on app.theirs`},
	{"CREATE TABLE app.n (id int REFERENCES app.open)", ""},
	{"CREATE TABLE app.n (id int PRIMARY KEY); CREATE TABLE app.m (id int REFERENCES app.n); DROP TABLE app.m", ""},
	{"ALTER TABLE app.mine RENAME TO other", ""},
	{"ALTER TABLE app.mine RENAME COLUMN id TO nr", ""},
	{"ALTER TABLE app.mine SET SCHEMA public", `may not create anything in schema public`},
	{"ALTER TABLE app.mine OWNER TO owner", `is not a member of owner`},
	{"DROP TABLE app.theirs", `does not own app.theirs`},
	{"DROP TABLE IF EXISTS app.theirs", `does not own app.theirs`},
	{"DROP TABLE IF EXISTS app.nowhere", ""},
	{"DROP TABLE own.theirs", ""}, // the schema's owner may
	{"TRUNCATE app.open", `has no TRUNCATE right on app.open`},
	{"INSERT INTO app.open VALUES (7)", ""},
	{"INSERT INTO app.theirs VALUES (7)", `has no INSERT right on app.theirs`},
	{"UPDATE app.open SET id = 7", `has no UPDATE right on app.open`},
	{"DELETE FROM app.open", `has no DELETE right on app.open`},
	{"SELECT count(*) FROM app.theirs", `has no SELECT right on app.theirs`},
	{"COMMENT ON COLUMN app.theirs.id IS 'x'", `does not own app.theirs`},
	{"COMMENT ON TABLE app.mine IS 'x'", ""},
	{"CREATE TRIGGER n BEFORE UPDATE ON app.theirs FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		`has no TRIGGER right on app.theirs`},
	{"CREATE POLICY n ON app.theirs USING (true)", `does not own app.theirs`},
	{"ALTER TYPE app.their_enum ADD VALUE 'b'", `does not own the type app.their_enum`},
	{"CREATE TABLE app.n (e app.closed_enum)", `may not use the type app.closed_enum; ask for: GRANT USAGE ON ` +
		`TYPE app.closed_enum TO "priv_app"`},
	{"CREATE TABLE app.n (e app.their_enum)", ""},
	{"CREATE EXTENSION no_such_extension", `is not on the server's disk`},
	{"CREATE EXTENSION IF NOT EXISTS plpgsql", ""},
	{"CREATE ROLE n", `may not create roles`},
	{"REFRESH MATERIALIZED VIEW app.their_matview", `does not own app.their_matview`},
	{"CREATE STATISTICS app.n ON id, word FROM app.theirs", `does not own app.theirs`},
	{"CREATE TABLE app.n PARTITION OF app.their_parts FOR VALUES IN (1)", `does not own app.their_parts`},
	{"SET search_path = app; ALTER TABLE theirs ADD COLUMN note text", "left to the server"},
	{"DO $$ BEGIN EXECUTE 'DROP TABLE app.theirs'; END $$", "left to the server"},
}

func TestPreflight_tells_exactly_which_statement_the_role_may_not_run(t *testing.T) {
	url := servertest.Fresh(t)
	weak := servertest.Login(t, url, "priv_app", "")
	servertest.Admin(t, url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "CREATE SCHEMA app",
		"GRANT USAGE, CREATE ON SCHEMA app TO priv_app", "CREATE SCHEMA hidden",
		"CREATE SCHEMA own", "CREATE TABLE own.theirs (id int)", "ALTER SCHEMA own OWNER TO priv_app",
		"CREATE TABLE app.theirs (id int PRIMARY KEY, word text)", "CREATE TABLE public.theirs (id int)",
		"CREATE TABLE hidden.theirs (id int)", "CREATE TABLE app.mine (id int)",
		"ALTER TABLE app.mine OWNER TO priv_app",
		"CREATE TABLE app.open (id int PRIMARY KEY)", "GRANT SELECT, INSERT, REFERENCES ON app.open TO priv_app",
		"CREATE VIEW app.their_view AS SELECT 1 AS id",
		"CREATE TYPE app.their_enum AS ENUM ('a')", "CREATE TYPE app.closed_enum AS ENUM ('a')",
		"REVOKE USAGE ON TYPE app.closed_enum FROM PUBLIC",
		"CREATE MATERIALIZED VIEW app.their_matview AS SELECT 1 AS id",
		"CREATE TABLE app.their_parts (id int) PARTITION BY LIST (id)", "CREATE SCHEMA fairlead AUTHORIZATION priv_app")
	d := opened(t, weak)
	conn, err := pgx.Connect(t.Context(), weak)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, c := range privilegeCases {
		script, err := sqltext.Parse([]byte("-- one\n" + c.sql + ";\n"))
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		var f database.Facts
		err = d.server.With(t.Context(), func(ctx context.Context, conn *pgx.Conn) error {
			return privileges(ctx, conn,
				script, 0, &f)
		})
		if err != nil {
			t.Fatal(err)
		}
		told := strings.Join(f.Problems, "\n")
		refused := tried(t, conn, c.sql)
		switch {
		case c.says == "left to the server":
			if told != "" || !refused {
				t.Errorf("%s: told %q, refused %v", c.sql, told, refused)
			}
		case (c.says != "") != refused:
			t.Errorf("%s: the server refuses: %v, the case says %q", c.sql, refused, c.says)
		case !strings.Contains(told, c.says), (told == "") != (c.says == ""):
			t.Errorf("%s: told %q, want %q", c.sql, told, c.says)
		case told != "" && !strings.HasPrefix(told, "line 2, "):
			t.Errorf("%s: told %q without its line", c.sql, told)
		}
	}
}

// tried runs a script by psql's rules and undoes it; it gives whether the server refused it for lack of a right.
func tried(t *testing.T, conn *pgx.Conn, sql string) bool {
	t.Helper()
	_, err := conn.PgConn().Exec(t.Context(), "BEGIN; "+sql).ReadAll()
	if _, undo := conn.PgConn().Exec(t.Context(), "ROLLBACK").ReadAll(); undo != nil {
		t.Fatal(undo)
	}
	if err == nil {
		return false
	}
	if c := server.Code(err); c != server.CodeNoPrivilege && c != "58P01" && c != "0A000" {
		t.Errorf("%s: %v", sql, err)
	}
	return true
}

func TestPreflight_passes_over_units_that_are_applied_already(t *testing.T) {
	url := servertest.Fresh(t)
	weak := servertest.Login(t, url, "priv_two", "")
	servertest.Admin(t, url, "CREATE TABLE theirs (id int)", "GRANT SELECT ON theirs TO priv_two",
		"CREATE SCHEMA fairlead AUTHORIZATION priv_two")
	d := opened(t, weak)
	script, err := sqltext.Parse([]byte("BEGIN; ALTER TABLE theirs ADD COLUMN a int; COMMIT; BEGIN; SELECT 1; COMMIT;"))
	if err != nil {
		t.Fatal(err)
	}
	for done, want := range []int{1, 0, 0} {
		f, err := d.Checking(script, func(context.Context) (int, error) { return done, nil }).Preflight(t.Context())
		if err != nil || len(f.Problems) != want {
			t.Errorf("%d units in place: %q, %v; want %d problems", done, f.Problems, err, want)
		}
	}
	hidden := &server.Error{Code: server.CodeNoPrivilege}
	if _, err := d.Checking(script, func(context.Context) (int, error) { return 0, hidden }).Preflight(
		t.Context()); err == nil {
		t.Error("markers that may not be read are passed over without a word")
	}
	servertest.Admin(t, url, "ALTER SCHEMA fairlead OWNER TO owner", "REVOKE ALL ON SCHEMA fairlead FROM priv_two")
	if f, err := d.Checking(script, func(context.Context) (int, error) { return 0, hidden }).Preflight(
		t.Context()); err != nil || len(f.Problems) != 1 {
		t.Errorf("%q, %v", f.Problems, err)
	}
	servertest.Admin(t, url, "ALTER SCHEMA fairlead OWNER TO priv_two")
	broken := errors.New("no markers")
	if _, err := d.Checking(script, func(context.Context) (int, error) { return 0, broken }).Preflight(
		t.Context()); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
