package sqlreview

import (
	"fmt"

	"fairlead/internal/sqltext"
)

func toolTransaction() Rule {
	return Rule{
		ID: "tool-transaction", Family: FamilyBehaviour, Severity: SeverityWarn,
		Why: "The migration tool sends the whole file as one query, and then PostgreSQL refuses a statement that can be in no transaction. A release applies it on its own, so this concerns other places where the tool runs, such as development.",
		Do:  "give the statement a file of its own",
	}
}

// habit warns of a file that a release can apply, and the tool that it was written for cannot.
func (r *reviewer) habit() {
	if len(r.script.Statements) < 2 {
		return
	}
	for i, st := range r.script.Statements {
		if st.Transactional != sqltext.NoTransaction || r.inBlock(st.Start) {
			continue
		}
		switch t := r.writtenFor(); t.name {
		case "Prisma", "golang-migrate", "Diesel":
			rule := toolTransaction()
			r.statement = i
			r.add(found{rule, rule.Severity, st.Start, fmt.Sprintf("%s cannot apply %s in one file with other statements", t.name, st.Kind), "text"}, st.SQL)
		}
		return
	}
}
