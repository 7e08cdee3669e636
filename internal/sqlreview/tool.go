package sqlreview

import (
	"fmt"

	"fairlead/internal/migrator"
	"fairlead/internal/sqlreview/rules"
	"fairlead/internal/sqltext"
)

// outside says what must change in a migration tool so that a statement runs outside a transaction.
func outside(t migrator.Tool) string {
	return map[migrator.Tool]string{
		migrator.EF: "EF Core wraps its script in a transaction and DO blocks: leave the index out of the migration " +
			"(migrationBuilder.Sql(…, suppressTransaction: true) is not enough for an idempotent script) and run it " +
			"as a file of its own",
		migrator.Alembic: "in Alembic, put it into with op.get_context().autocommit_block(): and set " +
			"transaction_per_migration=True in env.py",
		migrator.Django: "in Django, use AddIndexConcurrently and set atomic = False on the Migration",
		migrator.Goose:  "in goose, begin the file with -- +goose NO TRANSACTION",
		migrator.Prisma: "Prisma sends a file as one query: give the index a migration of its own, as its only " +
			"statement",
		migrator.Flyway: "in Flyway, give it a migration of its own with a script configuration file that says " +
			"executeInTransaction=false",
		migrator.GolangMigrate: "golang-migrate sends a file as one query: give the index a file of its own, without " +
			"BEGIN and COMMIT",
		migrator.Diesel: "in Diesel, put run_in_transaction = false into the migration's metadata.toml, and give the " +
			"index a migration of its own",
	}[t]
}

// advice is a rule's, with what must change in the tool that the file is for.
func (r *reviewer) advice(rule Rule) string {
	if !rule.OutsideTransaction || r.writtenFor() == "" {
		return rule.Do
	}
	return rule.Do + "\n-- " + outside(r.writtenFor())
}

// writtenFor recognises the tool that the present file was written by or for, once; "" when nothing shows it.
func (r *reviewer) writtenFor() migrator.Tool {
	if r.tool == nil {
		t := migrator.Of(r.name, r.script.Slice(sqltext.Range{Start: 0, End: min(len(r.sql), 16<<10)}))
		r.tool = &t
	}
	return *r.tool
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
		switch t := r.writtenFor(); t {
		case migrator.Prisma, migrator.GolangMigrate, migrator.Diesel:
			r.statement = i
			r.note(rules.Fixed(rules.ToolTransaction), st.Start,
				fmt.Sprintf("%s cannot apply %s in one file with other statements", t, st.Kind), st.SQL)
		}
		return
	}
}
