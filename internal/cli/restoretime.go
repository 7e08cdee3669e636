package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fairlead/internal/assemble"
	"fairlead/internal/backup"
	"fairlead/internal/step"
	"fairlead/internal/ui"
)

// restoreTime is what the last restore on this machine took, kept for the estimate in a brief.
type restoreTime struct {
	Name    string    `json:"name"`
	Size    int64     `json:"size"` // of the dump, bytes
	Seconds float64   `json:"seconds"`
	At      time.Time `json:"at"`
}

func (a *app) restoreTimeFile(app, environment string) string {
	return filepath.Join(a.state(), "restores", app+"-"+environment+".json")
}

// rememberRestore keeps it. That it cannot be kept is no reason for anything.
func (a *app) rememberRestore(app, environment string, r assemble.Restored) {
	b, err := json.Marshal(restoreTime{r.Manifest.Name, r.Manifest.Size, r.Seconds, a.Now().UTC()})
	path := a.restoreTimeFile(app, environment)
	if err != nil || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	_ = os.WriteFile(path, append(b, '\n'), 0o600)
}

// restoreEstimate says how long restoring a backup may take: by the last restore on this machine where there was one.
func (a *app) restoreEstimate(app, environment string, m backup.Manifest) string {
	b, err := os.ReadFile(a.restoreTimeFile(app, environment))
	var t restoreTime
	if err != nil || json.Unmarshal(b, &t) != nil || t.Size <= 0 || t.Seconds <= 0 || m.Size <= 0 || m.Took.Restore > 0 {
		return step.RestoreEstimate(m)
	}
	return fmt.Sprintf("restoring it takes about %.0f s (the last restore here, of %s, took %.0f s)", max(1, t.Seconds*float64(m.Size)/float64(t.Size)), ui.Bytes(t.Size), max(1, t.Seconds))
}
