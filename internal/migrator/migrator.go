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
