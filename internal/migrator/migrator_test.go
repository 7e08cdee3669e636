package migrator

import (
	"slices"
	"strings"
	"testing"
)

const (
	efScript = `CREATE TABLE IF NOT EXISTS "__EFMigrationsHistory" ("MigrationId" character varying(150) NOT NULL);
START TRANSACTION;
DO $EF$
BEGIN
    IF NOT EXISTS(SELECT 1 FROM "__EFMigrationsHistory" WHERE "MigrationId" = '20260101000000_Init') THEN
    INSERT INTO "__EFMigrationsHistory" ("MigrationId", "ProductVersion")
    VALUES ('20260101000000_Init', '9.0.0');
    END IF;
END $EF$;
INSERT INTO "__EFMigrationsHistory" ("MigrationId", "ProductVersion") VALUES ('20260102000000_Note', '9.0.0');
COMMIT;`
	alembicScript = `BEGIN;
-- Running upgrade ae10 -> 27c6
ALTER TABLE t ADD COLUMN a int;
UPDATE alembic_version SET version_num='27c6' WHERE alembic_version.version_num = 'ae10';
-- Running upgrade 27c6 -> 35b7
UPDATE alembic_version SET version_num='35b7' WHERE alembic_version.version_num = '27c6';
COMMIT;`
	djangoSQL = "BEGIN;\n--\n-- Add field note to order\n--\n" +
		"ALTER TABLE \"shop_order\" ADD COLUMN \"note\" text NULL;\nCOMMIT;\n"
)

func TestWantOf_finds_the_entry_that_a_tool_would_make(t *testing.T) {
	for _, r := range []struct {
		file, sql string
		tool      Tool
		keys      string
		gone      string
	}{
		{"release.sql", efScript, EF, "20260101000000_Init,20260102000000_Note", ""},
		{"down.sql", `DELETE FROM "__EFMigrationsHistory" WHERE "MigrationId" = '20260102000000_Note';`, EF, "",
			"20260102000000_Note"},
		{"up.sql", alembicScript, Alembic, "35b7", "ae10"},
		{"up.sql", "INSERT INTO alembic_version (version_num) VALUES ('ae10') RETURNING alembic_version.version_num;",
			Alembic, "ae10", ""},
		{"prisma/migrations/20260101120000_note/migration.sql", "-- AlterTable\n", Prisma, "20260101120000_note", ""},
		{"migration.sql", "ALTER TABLE t ADD a int;", Prisma, "", ""},
		{"sql/V1_2__add_note.sql", "", Flyway, "1.2", ""},
		{"sql/V20260101.1__add.sql", "", Flyway, "20260101.1", ""},
		{"sql/R__views.sql", "", Flyway, "R__views.sql", ""},
		{"sql/U1_2__add_note.sql", "", Flyway, "", "1.2"},
		{"shop/0002_order_note.sql", djangoSQL, Django, "shop.0002_order_note", ""},
		{"sql/shop_0002_order_note.sql", djangoSQL, Django, "shop.0002_order_note", ""},
		{"0002_order_note.sql", djangoSQL, Django, "", ""},
		{"migrations/2026-01-01-120000_add_note/up.sql", "ALTER", Diesel, "20260101120000", ""},
		{"migrations/00007_note.sql", "-- +goose Up\nSELECT 1;", Goose, "7", ""},
		{"migrations/000007_note.up.sql", "SELECT 1;", GolangMigrate, "7", ""},
		{"migrations/000007_note.down.sql", "SELECT 1;", GolangMigrate, "", "7"},
	} {
		w, ok := WantOf(r.file, []byte(r.sql))
		if !ok || w.Tool != r.tool || strings.Join(w.Keys, ",") != r.keys || strings.Join(w.Gone, ",") != r.gone {
			t.Errorf("%s: %v, %s keys %v gone %v; want %s %q %q", r.file, ok, w.Tool, w.Keys, w.Gone, r.tool,
				r.keys, r.gone)
		}
		if r.keys == "" && r.gone == "" && w.Why == "" {
			t.Errorf("%s: it is not said why there is no entry", r.file)
		}
	}
	if w, ok := WantOf("notes.sql", []byte("ALTER TABLE t ADD a int;")); ok {
		t.Errorf("a file of nobody: %+v", w)
	}
}

func TestFlywaySum_counts_lines_without_their_ends(t *testing.T) {
	// CRC-32 of "CREATE TABLE t(id int);SELECT 1;" as zlib has it.
	want := flywaySum([]byte("CREATE TABLE t(id int);SELECT 1;"))
	for _, s := range []string{"CREATE TABLE t(id int);\nSELECT 1;\n", "CREATE TABLE t(id int);\r\nSELECT 1;",
		"\xef\xbb\xbfCREATE TABLE t(id int);\rSELECT 1;\n\n"} {
		if got := flywaySum([]byte(s)); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
	if got := flywaySum([]byte("123456789")); got != 0xCBF43926 {
		t.Errorf("the check value of CRC-32 is %x", got)
	}
}

func TestJudge_says_what_the_history_means(t *testing.T) {
	want := func(file, sql string) Want { w, _ := WantOf(file, []byte(sql)); return w }
	prisma := want("migrations/20260101120000_note/migration.sql", "-- AlterTable\n")
	for _, r := range []struct {
		claim string
		w     Want
		b     History
		state State
		says  string
		after string
	}{
		{"a tool without its table here says nothing", want("V1__a.sql", ""), History{}, Absent, "no history", ""},
		{"finished is applied", prisma,
			History{Table: "_prisma_migrations",
				Rows: []Row{{"20260101120000_note", "applied", prisma.Sum, "2026-01-02"}}}, Applied, "since 2026-01-02",
			"since 2026-01-02"},
		{"another text is said", prisma,
			History{Table: "_prisma_migrations", Rows: []Row{{"20260101120000_note", "applied", "0", ""}}}, Applied,
			"another checksum", "another checksum"},
		{"begun and not finished is failed", prisma,
			History{Table: "_prisma_migrations", Rows: []Row{{"20260101120000_note", "failed", "", ""}}}, Failed,
			"failed or unfinished", "NOT in the history"},
		{"the newest row counts", prisma,
			History{Table: "_prisma_migrations",
				Rows: []Row{{"20260101120000_note", "failed", "", ""}, {"20260101120000_note", "applied", "", ""}}},
			Applied, "has", "has"},
		{"not there", prisma, History{Table: "_prisma_migrations"}, Absent, "does not have 20260101120000_note",
			"npx prisma migrate resolve --applied 20260101120000_note"},
		{"one of two", want("x.sql", efScript),
			History{Table: "__EFMigrationsHistory", Rows: []Row{{"20260101000000_Init", "applied", "", ""}}}, Partly,
			"but not 20260102000000_Note", "NOT in"},
		{"an Alembic head", want("x.sql", alembicScript),
			History{Table: "alembic_version", Rows: []Row{{"35b7", "applied", "", ""}}}, Applied, "has 35b7",
			"has 35b7"},
		{"an Alembic base", want("x.sql", alembicScript),
			History{Table: "alembic_version", Rows: []Row{{"ae10", "applied", "", ""}}}, Absent, "it stands at ae10",
			"alembic stamp 35b7"},
		{"another Alembic branch", want("x.sql", alembicScript),
			History{Table: "alembic_version", Rows: []Row{{"ffff", "applied", "", ""}}}, Absent,
			"it stands at ffff, and the file begins at ae10", "alembic stamp"},
		{"golang-migrate at it", want("7_a.up.sql", ""),
			History{Table: "schema_migrations", Rows: []Row{{"7", "applied", "", ""}}}, Applied, "has 7", "has 7"},
		{"golang-migrate beyond it proves nothing", want("7_a.up.sql", ""),
			History{Table: "schema_migrations", Rows: []Row{{"9", "applied", "", ""}}}, Absent,
			"it stands at 9", "force 7"},
		{"golang-migrate dirty", want("7_a.up.sql", ""),
			History{Table: "schema_migrations", Rows: []Row{{"7", "failed", "", ""}}}, Failed, "failed", "NOT in"},
		{"goose undone", want("7_a.sql", "-- +goose Up\n"),
			History{Table: "goose_db_version", Rows: []Row{{"7", "applied", "", ""}, {"7", "undone", "", ""}}}, Absent,
			"does not have 7", "INSERT INTO goose_db_version"},
		{"a way back that was gone", want("000007_note.down.sql", ""),
			History{Table: "schema_migrations", Rows: []Row{{"6", "applied", "", ""}}}, Applied, "no longer has 7",
			"no longer"},
		{"a repeatable file that changed", want("R__v.sql", "SELECT 2;"),
			History{Table: "flyway_schema_history", Rows: []Row{{"R__v.sql", "applied", "1", ""}}}, Absent,
			"older text",
			"skipExecuting"},
		{"a name without an entry", want("migration.sql", "SELECT 1;"), History{Table: "_prisma_migrations"}, Untold,
			"cannot be told", "cannot be told"},
		{"no right to read", prisma, History{Table: "_prisma_migrations", Unreadable: "the role may not read it"},
			Untold,
			"may not read", "may not read"},
	} {
		got := r.w.Judge(r.b)
		if got.State != r.state || !strings.Contains(got.Says, r.says) || !strings.Contains(got.After(), r.after) ||
			r.after == "" && got.After() != "" {
			t.Errorf("%s: %s %q, after: %q; want %s %q %q", r.claim, got.State, got.Says, got.After(), r.state,
				r.says, r.after)
		}
	}
}

func TestBothWays_finds_files_that_undo_themselves(t *testing.T) {
	for sql, want := range map[string]bool{
		"-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;": true,
		"-- migrate:up\nSELECT 1;\n-- migrate:down\n":        true,
		"-- +goose Up\nSELECT 1;":                            false,
		"-- going down\nSELECT 1;":                           false,
	} {
		if got := BothWays([]byte(sql)); got != want {
			t.Errorf("%q: %v", sql, got)
		}
	}
}

func FuzzWantOf_never_panics(f *testing.F) {
	f.Add("V__.sql", "")
	f.Add("__.sql", efScript)
	f.Add("a/up.sql", alembicScript)
	f.Fuzz(func(t *testing.T, file, sql string) {
		w, _ := WantOf(file, []byte(sql))
		r := w.Judge(History{Table: "t"})
		_ = r.After()
		if slices.Contains(w.Keys, "") {
			t.Errorf("%q: an entry without a name", file)
		}
	})
}
