package render

import (
	"fmt"
	"strings"

	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/rules"
)

// Explain gives the page of a rule as Markdown, or false when there is no such rule.
func Explain(id string) (string, bool) {
	r, ok := rules.All()[id]
	if !ok {
		return "", false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", r.ID)
	fmt.Fprintf(&b, "%s. Family: %s (%s).\n\n", bySeverity(r.Severity, "Blocks", "Warns", "Informs"), r.Family,
		familyWords(r.Family))
	if r.CanLower() {
		fmt.Fprintf(&b, "A team may weigh it otherwise: `review: {rules: {%s: off}}` in `fairlead.yaml`, or info, "+
			"warn, block.\n\n", r.ID)
	} else if r.Severity != report.SeverityBlock {
		fmt.Fprintf(&b, "A team may raise it: `review: {rules: {%s: block}}` in `fairlead.yaml`.\n\n", r.ID)
	}
	fmt.Fprintf(&b, "## Why\n\n%s\n\n", r.Why)
	if r.Server != "" {
		fmt.Fprintf(&b, "## What the server does\n\n%s\n\n", r.Server)
		b.WriteString("Compared with real servers of versions 13 to 18 by `make oracle` (see " +
			"`internal/sqlreview/testdata/oracle`).\n\n")
	}
	fmt.Fprintf(&b, "## When it does not apply\n\n%s\n\n", notApplied(r))
	fmt.Fprintf(&b, "## What to do instead\n\n```sql\n%s\n```\n\n", r.Do)
	fmt.Fprintf(&b, "## An exception\n\n")
	if r.ID == rules.BadException {
		b.WriteString("None: an exception cannot except itself.\n")
	} else {
		fmt.Fprintf(&b, "```sql\n-- fairlead:allow %s reason=\"why this is safe here\" until=2027-01-31\n```\n\n", r.ID)
		b.WriteString("on a line of its own before the statement, or, without touching the file, `fairlead review " +
			"waive FINGERPRINT FILE --reason … --until …`.\n")
	}
	return b.String(), true
}

func familyWords(f report.Family) string {
	switch f {
	case report.FamilyLoss:
		return "data is gone; sizes never matter"
	case report.FamilyCompatibility:
		return "the running image breaks; sizes never matter"
	case report.FamilyLock:
		return "table-size work under a lock; informs only when the table is known to be small"
	case report.FamilyFailure:
		return "the statement fails"
	case report.FamilyRerun:
		return "running it twice is not safe"
	case report.FamilyUnreviewable:
		return "nobody can tell"
	}
	return "something changes that a person should know"
}

func notApplied(r report.Rule) string {
	var out []string
	if r.Unless != "" {
		out = append(out, "- "+r.Unless)
	}
	switch r.Family {
	case report.FamilyLock:
		out = append(out, "- On a relation that the same script made: nobody else uses it yet.",
			"- On a table with fewer rows than `review.small_rows` (100,000), and less than `review.small_mib` "+
				"(256), when a catalog says so: it informs only.")
	case report.FamilyLoss, report.FamilyCompatibility:
		out = append(out, "- On something that the same script made.")
	}
	if len(out) == 0 {
		return "It always applies."
	}
	return strings.Join(out, "\n")
}
