package sqlreview

import (
	"regexp"
	"slices"
	"strings"

	"fairlead/internal/sqlreview/schema"
	"fairlead/internal/sqltext"
)

// recordedState says what is known of a block that asks a migration history whether it is due.
type recordedState int

const (
	// notKnown: it asks nothing, or nobody knows the answer.
	notKnown recordedState = iota + 1
	// isApplied: the history has it; nothing in it runs.
	isApplied
	// isPending: the history does not have it; all of it runs.
	isPending
)

// historyBlock is the one shape that EF Core writes: nothing before the question and nothing after its END IF. The
// table may have another name, and its columns may be spelled in the manner of PostgreSQL.
var historyBlock = regexp.MustCompile(`(?is)^\s*BEGIN\s+IF\s+NOT\s+EXISTS\s*` +
	`\(\s*SELECT\s+1\s+FROM\s+(?:"?(\w+)"?\.)?"?(\w+)"?\s+WHERE\s+"?(?:MigrationId|migration_id)"?\s*` +
	`=\s*'((?:[^']|'')*)'\s*\)\s*THEN\b(.*)\bEND\s+IF\s*;\s*END\s*;?\s*$`)

// otherBranch is what runs when the question is answered the other way. The ELSE of a CASE follows a value, not the end
// of a statement.
var otherBranch = regexp.MustCompile(`(?i)(;|\bTHEN|\*/|--[^\n]*\n)\s*(ELSE|ELSIF|ELSEIF|EXCEPTION)\b`)

// historyInsert records a migration.
var historyInsert = regexp.MustCompile(`(?is)INSERT\s+INTO\s+(?:"?\w+"?\.)?"?(\w+)"?\s*` +
	`\(\s*"?(?:MigrationId|migration_id)"?[^)]*\)\s*VALUES\s*\(\s*'((?:[^']|'')*)'`)

// quoted is what may look like a keyword and is none.
var quoted = regexp.MustCompile(`(?s)'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/`)

// ifs are the beginnings and ends of IF.
var ifs = regexp.MustCompile(`(?i)\bEND\s+IF\b|(?:^|;|\bTHEN)\s*IF\b`)

// closesItsIfs says whether every END IF in the text belongs to an IF in it, so that the question before it is asked of
// all that stands there.
func closesItsIfs(text string) bool {
	text = quoted.ReplaceAllString(text, " ")
	if strings.Contains(text, "$") {
		return false
	}
	depth := 0
	for _, t := range ifs.FindAllString(text, -1) {
		if strings.HasPrefix(strings.ToUpper(t), "END") {
			depth--
		} else {
			depth++
		}
		if depth < 0 {
			return false
		}
	}
	return depth == 0
}

// recorded says whether a DO block of a migration tool still runs, by the history that the catalog holds and by what
// the script recorded itself.
func (r *reviewer) recorded(l schema.Statement, b sqltext.Body) recordedState {
	if r.catalog == nil || !strings.Contains(b.Source, "MigrationId") && !strings.Contains(b.Source, "migration_id") {
		return notKnown
	}
	m := historyBlock.FindStringSubmatch(b.Source)
	if m == nil || l.Node.GetDoStmt() == nil || l.Doubt || otherBranch.MatchString(m[4]) {
		return notKnown
	}
	conditions := 0
	for _, st := range b.Statements {
		switch {
		case st.Kind == sqltext.BodyExpression:
			conditions++
		case !st.Guarded || st.Kind != sqltext.BodySQL:
			return notKnown
		}
	}
	// another IF: what stands where is not known by its shape
	if conditions != 1 && !closesItsIfs(m[4]) {
		return notKnown
	}
	id := strings.ReplaceAll(m[3], "''", "'")
	known, has := r.history(m[1], m[2], id)
	if !known {
		return notKnown
	}
	if has || r.state.Recorded[id] {
		return isApplied
	}
	if i := historyInsert.FindStringSubmatch(m[4]); i != nil && i[1] == m[2] &&
		strings.ReplaceAll(i[2], "''", "'") == id && conditions == 1 {
		r.state.Recorded[id] = true
	}
	if conditions != 1 {
		// it runs, but what stands under the other IF may not
		return notKnown
	}
	return isPending
}

// history says whether the history is known, and whether it has a migration.
func (r *reviewer) history(schema, table, id string) (known, has bool) {
	if r.catalog == nil {
		return false, false
	}
	n := r.state.Qualify(schema, table)
	for _, h := range r.catalog.Histories {
		if h.Table == n.Name && h.Schema == n.Schema {
			return true, slices.Contains(h.Applied, id)
		}
	}
	return !r.state.InCatalog(n), false
}
