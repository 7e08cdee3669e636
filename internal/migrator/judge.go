package migrator

import (
	"fmt"
	"slices"
	"strings"
)

// A Row is one row of a tool's history: State is applied, failed or undone.
type Row struct{ Key, State, Sum, At string }

// A History is a tool's history as it was read: the rows of the wanted entries or, where the table holds only what the
// schema is at, all of them. Table is its name with the schema; "" when there is none.
type History struct {
	Table string
	// Unreadable: why it cannot be read
	Unreadable string
	Rows       []Row
}

// State is what a history says of a file.
type State string

// The standings. Untold: the history says nothing that could be held against the file.
const (
	Untold  State = "untold"
	Absent  State = "absent"
	Partly  State = "partly"
	Failed  State = "failed"
	Applied State = "applied"
)

// A Reading is what a tool's history says of a file.
type Reading struct {
	Tool  Tool   `json:"tool"`
	Table string `json:"table"`
	State State  `json:"state"`
	// Says: one sentence
	Says string `json:"says"`
	// Missing: entries that are wanted and not there
	Missing []string `json:"missing,omitempty"`
	// Records: the file itself writes its entries
	Records bool `json:"records,omitempty"`
}

// Judge concludes what a history says of a file.
func (w Want) Judge(b History) Reading {
	r := Reading{Tool: w.Tool, Table: b.Table, State: Untold, Records: w.Records}
	switch {
	case b.Table == "":
		r.State, r.Says = Absent, fmt.Sprintf("%s has no history here yet (no table %s)", w.Tool, w.Tool.Shape().Table)
		r.Missing = w.Keys
		return r
	case b.Unreadable != "":
		r.Says = fmt.Sprintf("%s cannot be read: %s", b.Table, b.Unreadable)
		return r
	case len(w.Keys) == 0 && len(w.Gone) == 0:
		r.Says = fmt.Sprintf("which entry of %s the file is cannot be told: %s", b.Table, w.Why)
		return r
	}
	w.compare(b, &r)
	return r
}

// compare holds the wanted entries against the rows.
func (w Want) compare(b History, r *Reading) {
	last := map[string]Row{}
	for _, row := range b.Rows {
		last[row.Key] = row
	}
	var there, failed, notes []string
	for _, k := range w.Keys {
		switch row, ok := last[k]; {
		case ok && row.State == "failed":
			failed = append(failed, k)
		case ok && row.State == "applied" && w.stale(row):
			r.Missing = append(r.Missing, k)
			notes = append(notes, "an older text of it was applied "+since(row))
		case ok && row.State == "applied":
			there = append(there, strings.TrimSpace(k+" "+since(row)))
			if w.Sum != "" && row.Sum != "" && row.Sum != w.Sum {
				notes = append(notes, "with another checksum: the file was changed after it was applied")
			}
		default:
			r.Missing = append(r.Missing, k)
		}
	}
	left := 0
	for _, k := range w.Gone {
		if row, ok := last[k]; ok && row.State == "applied" {
			left++
		}
	}
	switch {
	case len(failed) > 0:
		r.State, r.Says = Failed,
			fmt.Sprintf("%s calls %s failed or unfinished: %s applies nothing more until that is resolved", b.Table,
				list(failed), w.Tool)
	case len(r.Missing) == 0 && left == 0:
		r.State, r.Says = Applied, fmt.Sprintf("%s has %s", b.Table, list(there))
		if len(w.Keys) == 0 {
			r.Says = fmt.Sprintf("%s no longer has %s", b.Table, list(w.Gone))
		}
	case len(there) > 0 && !w.Tool.Shape().Current:
		r.State, r.Says = Partly, fmt.Sprintf("%s has %s, but not %s", b.Table, list(there), list(r.Missing))
	default:
		r.State, r.Says = Absent,
			fmt.Sprintf("%s does not have %s", b.Table, list(slices.Concat(r.Missing, w.Gone[:left])))
		if len(r.Missing) == 0 {
			r.Says = fmt.Sprintf("%s still has %s", b.Table, list(w.Gone))
		}
		r.Says += w.stands(b, left)
	}
	if len(notes) > 0 {
		r.Says += "; " + strings.Join(slices.Compact(notes), "; ")
	}
}

// stale tells a repeatable file whose text is not the one that was applied last.
func (w Want) stale(row Row) bool {
	return w.Tool == Flyway && strings.HasPrefix(row.Key, "R__") && row.Sum != "" && row.Sum != w.Sum
}

// stands says where a history stands that keeps only the current revision, where that is not where the file begins.
func (w Want) stands(b History, left int) string {
	if !w.Tool.Shape().Current {
		return ""
	}
	var heads []string
	for _, row := range b.Rows {
		heads = append(heads, row.Key)
	}
	at := "it is empty"
	if len(heads) > 0 {
		at = "it stands at " + list(heads)
	}
	if len(w.Gone) > 0 && left < len(w.Gone) && w.Tool == Alembic {
		at += ", and the file begins at " + list(w.Gone)
	}
	return " (" + at + ")"
}

// since is when a row was written, where the tool keeps it.
func since(r Row) string {
	if r.At == "" {
		return ""
	}
	return "since " + r.At
}

// list names a few.
func list(all []string) string {
	const most = 4
	if len(all) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}

// Empty tells that there is nothing to say: only the file's name looked like a tool's, and the tool has no history
// here.
func (r Reading) Empty() bool { return r.Tool == "" || r.Table == "" && !r.Records }

// After says what the history means once the file was applied by somebody else than the tool: that it has the entry, or
// how it gets it.
func (r Reading) After() string {
	switch {
	case r.Empty():
		return ""
	case r.State == Applied, r.State == Untold:
		return r.Says
	}
	s := fmt.Sprintf("NOT in the history of %s, which will apply it again", r.Tool)
	if do := r.mark(); do != "" {
		s += "; mark it: " + do
	}
	return s
}

// mark is what makes the tool believe that the first missing entry is applied.
func (r Reading) mark() string {
	if len(r.Missing) == 0 {
		return ""
	}
	k, table := r.Missing[0], r.Table
	if table == "" {
		table = r.Tool.Shape().Table
	}
	switch r.Tool {
	case Prisma:
		return "npx prisma migrate resolve --applied " + k
	case Alembic:
		return "alembic stamp " + k
	case Django:
		app, name, _ := strings.Cut(k, ".")
		return fmt.Sprintf("python manage.py migrate --fake %s %s", app, name)
	case Diesel:
		return fmt.Sprintf("INSERT INTO %s (version) VALUES ('%s')", table, k)
	case Goose:
		return fmt.Sprintf("INSERT INTO %s (version_id, is_applied) VALUES (%s, true)", table, k)
	case GolangMigrate:
		return "migrate -database … -path … force " + k
	case Flyway:
		return "flyway migrate -skipExecutingMigrations=true -target=" + k + " (a paid edition)"
	}
	return ""
}
