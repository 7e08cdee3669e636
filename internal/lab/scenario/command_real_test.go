//go:build real

package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/lab"
)

// commanded describes a release whose migration is a script of the team.
func (s *stage) commanded(tag string, p lab.Published, script string, services ...string) (file string) {
	s.t.Helper()
	s.release(tag, p, "", services...)
	dir := filepath.Join(filepath.Dir(p.Dir), tag)
	file = filepath.Join(dir, "release.json")
	b, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		s.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(script))
	doc["migration"] = map[string]any{"command": []string{"./migrate.sh", "up"},
		"files": map[string]string{"migrate.sh": hex.EncodeToString(sum[:])}}
	if b, err = json.Marshal(doc); err == nil {
		err = os.WriteFile(file, b, 0o644)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "migrate.sh"), []byte(script), 0o755)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return file
}

func TestDeploy_runs_a_migration_that_is_a_command(t *testing.T) {
	t.Parallel()
	s := newStage(t, 6*time.Minute, one("command"))
	v1 := s.publish(lab.Release{Tag: "v1.0.0"})
	v2 := s.publish(lab.Release{Tag: "v1.1.0"})
	s.release("v1.0.0", v1, "", "api")
	s.must(0, "deploy", "v1.0.0", "--yes")

	file := s.commanded("v1.1.0", v2, "#!/bin/sh\n"+
		"exec psql \"$DATABASE_URL\" -v ON_ERROR_STOP=1 -qc 'CREATE TABLE by_command (n int)'\n", "api")
	if got := s.must(3, "deploy", "v1.1.0", "--yes"); !contains(got.All, "command-unreviewed",
		"production is unchanged") {
		t.Errorf("it does not say why: %s", got)
	}
	waive := func(file string) {
		s.must(0, "migrate", "waive", "--reason", "tried on the copy of yesterday", "--until", "2099-01-01",
			"--release", file)
	}
	waive(file)
	got := s.must(0, "deploy", "v1.1.0", "--yes")
	if !contains(got.All, "exactly once cannot be proved", "run to its end by this run: ./migrate.sh up") {
		t.Errorf("it does not say what it ran: %s", got)
	}
	s.mustRun(v2, "api")
	if got := s.must(0, "deploy", "v1.1.0", "--yes"); !contains(got.Out, "nothing to do") {
		t.Errorf("a second deployment does something: %s", got)
	}

	// A command that fails and leaves everything as it was stops the release before any container is replaced.
	file = s.commanded("v1.2.0", v1, "#!/bin/sh\necho 'the migration is broken' >&2\nexit 3\n", "api")
	waive(file)
	if got := s.must(4, "deploy", "v1.2.0", "--yes"); !contains(got.All, "the migration is broken",
		"no new container was started") {
		t.Errorf("it does not say what happened: %s", got)
	}
	s.mustRun(v2, "api")

	// One whose end says nothing leaves the release waiting for a person, who says what the tool's history says.
	file = s.commanded("v1.3.0", v1, "#!/bin/sh\nkill -9 $$\n", "api")
	waive(file)
	s.must(7, "deploy", "v1.3.0", "--yes")
	s.mustRun(v2, "api")
	s.must(0, "resume", "--yes", "--migration", "applied", "--reason", "the history of the tool has it")
	s.mustRun(v1, "api")
}
