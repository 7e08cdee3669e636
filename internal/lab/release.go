package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// services are the services of the sample application, in no order.
var services = []string{"api", "worker", "web"}

// Release says what to publish. The zero values are a well-behaved application
// without a migration.
type Release struct {
	// Tag is the version, v1.0.0 say. It is needed.
	Tag string
	// Behaviour maps a service to its APP_BEHAVIOUR (see internal/lab/app); "all" is for the others.
	Behaviour map[string]string
	// MigrationSQL is the migration's exact text; empty means none.
	MigrationSQL string
	// PadMB adds this much random data to each image.
	PadMB int
}

// Published is a release that is in the registry.
type Published struct {
	// Tag is the release's version.
	Tag string
	// Dir holds release.json and, if there is a migration, migration.sql.
	Dir string
	// File is the path of release.json.
	File string
	// Commit is the made-up commit that the images' labels carry.
	Commit string
	// Images maps each service to repository@sha256:….
	Images map[string]string
}

// PublishRelease builds and pushes the stack's three images and writes the
// release's files into a folder of their own.
func (s *Stack) PublishRelease(ctx context.Context, r Release) (Published, error) {
	sum := sha256.Sum256([]byte(s.App + r.Tag + r.MigrationSQL + fmt.Sprint(r.Behaviour)))
	p := Published{
		Tag:    r.Tag,
		Dir:    filepath.Join(s.releases(), r.Tag),
		Commit: hex.EncodeToString(sum[:20]),
		Images: map[string]string{},
	}
	p.File = filepath.Join(p.Dir, "release.json")
	if err := os.MkdirAll(p.Dir, 0o755); err != nil {
		return p, err
	}
	for _, role := range services {
		b, ok := r.Behaviour[role]
		if !ok {
			b = r.Behaviour["all"]
		}
		ref, err := s.Lab.push(ctx, image{
			repository: s.Lab.RegistryHost + "/" + s.App + "/" + role,
			role:       role, version: r.Tag, revision: p.Commit, behaviour: b, padMB: r.PadMB,
		})
		if err != nil {
			return p, err
		}
		p.Images[role] = ref
	}
	return p, s.writeRelease(p, r.MigrationSQL)
}

// releases is the folder with one folder for each published tag.
func (s *Stack) releases() string { return filepath.Join(s.Lab.Dir, "releases", s.App) }

func (s *Stack) writeRelease(p Published, sql string) error {
	type migration struct {
		File   string `json:"file"`
		SHA256 string `json:"sha256"`
	}
	doc := struct {
		Schema     string            `json:"schema"`
		App        string            `json:"app"`
		Tag        string            `json:"tag"`
		Commit     string            `json:"commit"`
		RunID      string            `json:"run_id"`
		RunAttempt int               `json:"run_attempt"`
		VerifiedIn string            `json:"verified_in"`
		Images     map[string]string `json:"images"`
		Migration  *migration        `json:"migration"`
	}{
		Schema: "fairlead.release/v1", App: s.App, Tag: p.Tag, Commit: p.Commit,
		RunID: "9123456", RunAttempt: 1, VerifiedIn: "staging", Images: p.Images,
	}
	if sql != "" {
		sum := sha256.Sum256([]byte(sql))
		doc.Migration = &migration{File: "migration.sql", SHA256: hex.EncodeToString(sum[:])}
		if err := os.WriteFile(filepath.Join(p.Dir, "migration.sql"), []byte(sql), 0o644); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(p.File, append(text, '\n'), 0o644)
}
