package operate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fairlead/internal/assemble"
	"fairlead/internal/atomicfile"
	"fairlead/internal/release"
	"fairlead/internal/sqlreview"
	"fairlead/internal/step"
)

// An Answer is who answers for a finding, why and until when.
type Answer struct {
	By, Reason, Until string
	Now               time.Time
}

// WaiveFinding answers for one finding of a review in the file of waivers, and gives the finding.
func (w Workplace) WaiveFinding(ctx context.Context, r ReviewRequest, fingerprint string,
	a Answer) (sqlreview.Finding, error) {
	in, err := w.ReviewInput(ctx, r, a.Now)
	if err != nil {
		return sqlreview.Finding{}, err
	}
	report := sqlreview.Review(in)
	for _, f := range report.Findings {
		if f.Fingerprint == fingerprint {
			waiver := sqlreview.Waiver{Fingerprint: fingerprint, Rule: f.Rule, SHA256: report.Files[0].SHA256,
				File: f.File}
			if err := a.sign(&waiver); err != nil {
				return f, Misused("review waive: %w", err)
			}
			return f, addWaiver(w.WaiverFile(r.Waivers), waiver)
		}
	}
	return sqlreview.Finding{}, Misused("review waive: the review of %s finds nothing with the fingerprint %s",
		r.Files[0], fingerprint)
}

// WaiveCommand answers for a migration that is a command.
func (w Workplace) WaiveCommand(m release.Migration, a Answer) error {
	waiver := sqlreview.Waiver{Fingerprint: step.CommandFingerprint(m), Rule: step.CommandRule, SHA256: m.SHA256,
		File: m.Line()}
	if err := a.sign(&waiver); err != nil {
		return Misused("migrate waive: %w", err)
	}
	return addWaiver(w.WaiverFile(""), waiver)
}

func (a Answer) sign(w *sqlreview.Waiver) error {
	w.By, w.Reason, w.Until, w.At = a.By, a.Reason, a.Until, a.Now.UTC().Format(time.RFC3339)
	return w.Check(a.Now)
}

// CommandToWaive gives the command that is answered for: the one of a release file, or the one of the request.
func CommandToWaive(r MigrationRequest, releaseFile string) (release.Migration, error) {
	switch {
	case (releaseFile == "") == (len(r.Argv) == 0):
		return release.Migration{}, Misused("migrate waive: name the command after --, or --release FILE")
	case releaseFile == "":
		m, err := r.bind(step.Migration{})
		return m.Command, err
	}
	f, err := os.Open(filepath.Clean(releaseFile))
	if err != nil {
		return release.Migration{}, Misused("--release: %w", err)
	}
	defer f.Close()
	rel, err := release.Parse(f)
	if err == nil && (rel.Migration == nil || !rel.Migration.Commanded()) {
		err = errors.New("its migration is no command")
	}
	if err != nil {
		return release.Migration{}, Misused("--release %s: %w", releaseFile, err)
	}
	return *rel.Migration, nil
}

// addWaiver puts a waiver into the file, in place of an older one for the same finding.
func addWaiver(path string, w sqlreview.Waiver) error {
	all, err := assemble.ReadWaivers(path)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(old sqlreview.Waiver) bool {
		return old.Fingerprint == w.Fingerprint && old.SHA256 == w.SHA256
	})
	b, err := sqlreview.EncodeWaivers(append(all, w))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return atomicfile.Write(path, b, 0o644)
}
