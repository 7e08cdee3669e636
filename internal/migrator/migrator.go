// Package migrator knows the tools that teams make migrations with: how a file of each is recognised, and what each
// writes down about what it has applied. It reads no database and runs no tool: package database/postgres reads the
// tables by the shapes given here. Start with Of and WantOf; Judge concludes.
package migrator

import (
	"path"
	"regexp"
	"strings"
)

// A Tool is a migration tool, by the name that people use.
type Tool string

// The tools. The zero value means that nothing shows one.
const (
	EF            Tool = "EF Core"
	Prisma        Tool = "Prisma"
	Flyway        Tool = "Flyway"
	Alembic       Tool = "Alembic"
	Django        Tool = "Django"
	Diesel        Tool = "Diesel"
	Goose         Tool = "goose"
	GolangMigrate Tool = "golang-migrate"
)

var (
	flywayName  = regexp.MustCompile(`^[VRU][0-9._]*__.+\.sql$`)
	migrateName = regexp.MustCompile(`^[0-9]+_.+\.(up|down)\.sql$`)
	dieselName  = regexp.MustCompile(`[0-9-]+_[^/]+/(up|down)\.sql$`)
	djangoHead  = regexp.MustCompile(
		`(?m)^--\r?\n-- (Create model|Add field|Alter field|Remove field|Rename field|Delete model|` +
			`Create index|Create constraint|Raw SQL|Raw Python)`)
	gooseHead = regexp.MustCompile(`(?mi)^--\s*\+goose\s+up\b`)
)

// headSize is how much of a file shows what wrote it.
const headSize = 16 << 10

// Of recognises the tool that a file was written by or for; the zero Tool when nothing shows one. Only the beginning is
// looked at.
func Of(file, sql string) Tool {
	head := sql[:min(len(sql), headSize)]
	file = strings.ReplaceAll(file, `\`, "/")
	base := path.Base(file)
	switch {
	case strings.Contains(head, "__EFMigrationsHistory"):
		return EF
	case strings.Contains(head, "alembic_version"):
		return Alembic
	case djangoHead.MatchString(head):
		return Django
	case gooseHead.MatchString(head):
		return Goose
	case base == "migration.sql", strings.Contains(head, "-- CreateTable\n"), strings.Contains(head, "-- AlterTable\n"),
		strings.Contains(head, "-- CreateIndex\n"):
		return Prisma
	case flywayName.MatchString(base):
		return Flyway
	case migrateName.MatchString(base):
		return GolangMigrate
	case dieselName.MatchString(file):
		return Diesel
	}
	return ""
}

// downMark is the line from which on a file holds the way back.
var downMark = regexp.MustCompile(`(?mi)^--\s*(\+goose\s+down|migrate:down|\+migrate\s+down)\b`)

// BothWays tells that a file holds the migration and its way back, which its tool keeps apart by comments: applied as a
// whole it would undo itself.
func BothWays(sql []byte) bool { return downMark.Match(sql) }

// Tools lists all tools.
func Tools() []Tool {
	return []Tool{EF, Prisma, Flyway, Alembic, Django, Diesel, Goose, GolangMigrate}
}

// A Shape is the table in which a tool keeps its history, and how a row of it is read. Key, State, Sum and At are SQL
// expressions of type text over its columns; State gives applied, failed or undone. Columns are those that make the
// table the tool's own.
type Shape struct {
	Table   string
	Columns []string
	Key     string
	State   string
	// Sum: "" where the tool keeps no checksum
	Sum string
	// At: "" where the tool keeps no time
	At string
	// OrderBy: the newest row of a key comes last
	OrderBy string
	// Current: the table holds only what the schema is at, not what led there
	Current bool
}

// Shape gives how the tool's history is read.
func (t Tool) Shape() Shape {
	const applied = "'applied'"
	switch t {
	case EF:
		return Shape{Table: "__EFMigrationsHistory", Columns: []string{"MigrationId", "ProductVersion"},
			Key: `"MigrationId"`, State: applied, OrderBy: `"MigrationId"`}
	case Prisma:
		return Shape{Table: "_prisma_migrations",
			Columns: []string{"checksum", "finished_at", "migration_name", "rolled_back_at", "started_at"},
			Key:     "migration_name",
			State: "CASE WHEN rolled_back_at IS NOT NULL THEN 'undone' " +
				"WHEN finished_at IS NULL THEN 'failed' ELSE 'applied' END",
			Sum: "checksum", At: stamp("coalesce(finished_at, started_at)::timestamptz"), OrderBy: "started_at"}
	case Flyway:
		return Shape{Table: "flyway_schema_history",
			Columns: []string{"installed_rank", "version", "script", "checksum", "installed_on", "success"},
			Key:     "coalesce(version, script)",
			State: "CASE WHEN NOT success THEN 'failed' " +
				"WHEN type LIKE 'UNDO%' OR type = 'DELETE' THEN 'undone' ELSE 'applied' END",
			Sum: "checksum::text", At: "to_char(installed_on, 'YYYY-MM-DD HH24:MI:SS')", OrderBy: "installed_rank"}
	case Alembic:
		return Shape{Table: "alembic_version", Columns: []string{"version_num"}, Key: "version_num", State: applied,
			OrderBy: "version_num", Current: true}
	case Django:
		return Shape{Table: "django_migrations", Columns: []string{"app", "name", "applied"}, Key: "app || '.' || name",
			State: applied, At: stamp("applied"), OrderBy: "id"}
	case Diesel:
		return Shape{Table: "__diesel_schema_migrations", Columns: []string{"version", "run_on"}, Key: "version",
			State: applied,
			At:    "to_char(run_on, 'YYYY-MM-DD HH24:MI:SS')", OrderBy: "version"}
	case Goose:
		return Shape{Table: "goose_db_version", Columns: []string{"id", "version_id", "is_applied", "tstamp"},
			Key:   "version_id::text",
			State: "CASE WHEN is_applied THEN 'applied' ELSE 'undone' END",
			At:    "to_char(tstamp, 'YYYY-MM-DD HH24:MI:SS')", OrderBy: "id"}
	case GolangMigrate:
		return Shape{Table: "schema_migrations", Columns: []string{"version", "dirty"}, Key: "version::text",
			State: "CASE WHEN dirty THEN 'failed' ELSE 'applied' END", OrderBy: "version", Current: true}
	}
	return Shape{}
}

// stamp writes a time with its zone as text.
func stamp(expr string) string {
	return "to_char((" + expr + ") AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS \"UTC\"')"
}
