package view

import (
	"fmt"
	"strings"

	"fairlead/internal/engine"
	"fairlead/internal/sqlreview"
)

// SchemaChanges is what happened to the schema since images last ran: the migrations that were applied, newest first,
// and what their reviews say together. Gap says why that is not known; then nothing is.
type SchemaChanges struct {
	Migrations []AppliedMigration
	Gap        string
}

// An AppliedMigration is one that was applied, and what its review said about images from before it.
type AppliedMigration struct {
	Tag    string
	Run    engine.RunID
	Judged sqlreview.Compatibility
}

// Judged is the worst of what the reviews say; unknown with a gap.
func (s SchemaChanges) Judged() sqlreview.Compatibility {
	if s.Gap != "" {
		return sqlreview.Unknown
	}
	worst := sqlreview.Compatible
	for _, m := range s.Migrations {
		worst = sqlreview.Worse(worst, m.Judged)
	}
	return worst
}

// String says it in one sentence.
func (s SchemaChanges) String() string {
	var doubtful []string
	var conditional engine.RunID // the newest
	for _, m := range s.Migrations {
		if m.Judged != sqlreview.Compatible {
			doubtful = append(doubtful, fmt.Sprintf("%s is %s", m.Tag, m.Judged))
		}
		if m.Judged == sqlreview.Conditional && conditional == "" {
			conditional = m.Run
		}
	}
	about := ""
	if n := len(s.Migrations); n > 1 {
		about = fmt.Sprintf(" after %d migrations", n)
		if len(doubtful) > 0 {
			about += " (" + strings.Join(doubtful, ", ") + ")"
		}
	}
	switch judged := s.Judged(); {
	case s.Gap != "":
		return "whether the old images work on the schema of now is unknown: " + s.Gap
	case judged == sqlreview.Unknown:
		return "whether the old images work on the new schema is unknown" + about
	case judged == sqlreview.Incompatible:
		return "the old images are INCOMPATIBLE with the new schema" + about +
			": they will fail; mend forward, or restore the backup"
	case judged == sqlreview.Conditional:
		return fmt.Sprintf("the review found the old images compatible on conditions%s: read fairlead show %s first",
			about, conditional)
	case len(s.Migrations) == 0:
		return "the schema is unchanged since the old images ran, so they find what they knew"
	}
	return "the review found the old images compatible with the new schema" + about
}
