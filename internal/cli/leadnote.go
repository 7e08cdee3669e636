package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fairlead/internal/sqlreview"
	"fairlead/internal/step"
)

// leadNote writes the note for the engineering lead about a migration that was refused, and says where it is. That it cannot be
// written changes nothing.
func (a *app) leadNote(b *step.Blocked) {
	if a.noteIn == "" || len(b.Report.Files) == 0 {
		return
	}
	sources := map[string][]byte{}
	for _, f := range b.Report.Files {
		sources[f.Name] = b.SQL
	}
	var note strings.Builder
	if err := sqlreview.Markdown(&note, b.Report, sources); err != nil {
		return
	}
	path := filepath.Join(a.noteIn, fmt.Sprintf("review-%.12s.md", b.Report.Files[0].SHA256))
	err := os.MkdirAll(a.noteIn, 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(note.String()), 0o644)
	}
	if err != nil {
		a.say("the note for the engineering lead could not be written: %v", err)
		return
	}
	a.say("note for the engineering lead: %s", path)
}
