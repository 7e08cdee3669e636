package sqlreview

import (
	"fmt"

	"fairlead/internal/migrator"
	"fairlead/internal/sqlreview/rules"
	"fairlead/internal/sqltext"
)

// tool is a migration tool, as far as its files show it, and what must change in it so that a statement runs outside a
// transaction.
type tool struct{ name, outside string }

// toolOf recognises the tool that a file was written by or for; an empty name means that nothing shows it.
func toolOf(file, sql string) tool {
	t := migrator.Of(file, sql)
	return tool{string(t), outsideIn(t)}
}

// outsideIn is what must change in a tool.
func outsideIn(t migrator.Tool) string {
	switch t {
	case migrator.EF:
		return "EF Core wraps its script in a transaction and DO blocks: leave the index out of the migration " +
			"(migrationBuilder.Sql(…, suppressTransaction: true) is not enough for an idempotent script) and run it " +
			"as a file of its own"
	case migrator.Alembic:
		return "in Alembic, put it into with op.get_context().autocommit_block(): and set " +
			"transaction_per_migration=True in env.py"
	case migrator.Django:
		return "in Django, use AddIndexConcurrently and set atomic = False on the Migration"
	case migrator.Goose:
		return "in goose, begin the file with -- +goose NO TRANSACTION"
	case migrator.Prisma:
		return "Prisma sends a file as one query: give the index a migration of its own, as its only statement"
	case migrator.Flyway:
		return "in Flyway, give it a migration of its own with a script configuration file that says " +
			"executeInTransaction=false"
	case migrator.GolangMigrate:
		return "golang-migrate sends a file as one query: give the index a file of its own, without BEGIN and COMMIT"
	case migrator.Diesel:
		return "in Diesel, put run_in_transaction = false into the migration's metadata.toml, and give the index a " +
			"migration of its own"
	}
	return ""
}

// advise adds to a rule's advice what must change in the tool.
func (t tool) advise(r Rule) string {
	if t.name == "" || !r.OutsideTransaction {
		return r.Do
	}
	return r.Do + "\n-- " + t.outside
}

// warnOfTool warns of a file that a release can apply, and the tool that it was written for cannot.
func (r *reviewer) warnOfTool() {
	if len(r.script.Statements) < 2 {
		return
	}
	for i, st := range r.script.Statements {
		if st.Transactional != sqltext.NoTransaction || r.inBlock(st.Start) {
			continue
		}
		switch t := r.writtenFor(); t.name {
		case "Prisma", "golang-migrate", "Diesel":
			rule := rules.Fixed(rules.ToolTransaction)
			r.statement = i
			r.add(rules.Diagnostic{Rule: rule, Severity: rule.Severity, Offset: st.Start,
				Message:  fmt.Sprintf("%s cannot apply %s in one file with other statements", t.name, st.Kind),
				Evidence: "text"}, st.SQL)
		}
		return
	}
}
