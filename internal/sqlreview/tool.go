package sqlreview

import (
	"path"
	"regexp"
	"strings"
)

// tool is a migration tool, as far as its files show it, and what must change in it so that a statement runs outside a transaction.
type tool struct{ name, outside string }

var (
	flywayName  = regexp.MustCompile(`^[VRU][0-9._]*__.+\.sql$`)
	migrateName = regexp.MustCompile(`^[0-9]+_.+\.(up|down)\.sql$`)
	dieselName  = regexp.MustCompile(`[0-9-]+_[^/]+/(up|down)\.sql$`)
	djangoHead  = regexp.MustCompile(`(?m)^--\r?\n-- (Create model|Add field|Alter field|Remove field|Rename field|Delete model|Create index|Create constraint|Raw SQL|Raw Python)`)
)

// toolOf recognises the tool that a file was written by or for; an empty name means that nothing shows it. Only the beginning is looked at.
func toolOf(file, sql string) tool {
	head := sql[:min(len(sql), 16<<10)]
	file = strings.ReplaceAll(file, `\`, "/")
	base := path.Base(file)
	switch {
	case strings.Contains(head, "__EFMigrationsHistory"):
		return tool{"EF Core", "EF Core wraps its script in a transaction and DO blocks: leave the index out of the migration (migrationBuilder.Sql(…, suppressTransaction: true) is not enough for an idempotent script) and run it as a file of its own"}
	case strings.Contains(head, "alembic_version"):
		return tool{"Alembic", "in Alembic, put it into with op.get_context().autocommit_block(): and set transaction_per_migration=True in env.py"}
	case djangoHead.MatchString(head):
		return tool{"Django", "in Django, use AddIndexConcurrently and set atomic = False on the Migration"}
	case base == "migration.sql", strings.Contains(head, "-- CreateTable\n"), strings.Contains(head, "-- AlterTable\n"), strings.Contains(head, "-- CreateIndex\n"):
		return tool{"Prisma", "Prisma sends a file as one query: give the index a migration of its own, as its only statement"}
	case flywayName.MatchString(base):
		return tool{"Flyway", "in Flyway, give it a migration of its own with a script configuration file that says executeInTransaction=false"}
	case migrateName.MatchString(base):
		return tool{"golang-migrate", "golang-migrate sends a file as one query: give the index a file of its own, without BEGIN and COMMIT"}
	case dieselName.MatchString(file):
		return tool{"Diesel", "in Diesel, put run_in_transaction = false into the migration's metadata.toml, and give the index a migration of its own"}
	}
	return tool{}
}

// outsideRules are the rules whose advice is to run a statement outside a transaction.
func outsideRules(id string) bool {
	switch id {
	case "concurrently-in-tx", "index-not-concurrent", "reindex", "drop-index", "validate-same-tx", "enum-same-tx":
		return true
	}
	return false
}

// advise adds to a rule's advice what must change in the tool.
func (t tool) advise(r Rule) string {
	if t.name == "" || !outsideRules(r.ID) {
		return r.Do
	}
	return r.Do + "\n-- " + t.outside
}
