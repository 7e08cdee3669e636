//go:build real

package badinput

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/lab"
)

// site is an application that runs v1.0.0, deployed by fairlead, and has v1.1.0 waiting, both with a migration.
type site struct {
	*lab.Stack
	now  lab.Published
	next lab.Published
}

const (
	firstSQL = "CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, note text);\n"
	nextSQL  = "ALTER TABLE orders ADD COLUMN IF NOT EXISTS phone text;\n"
)

func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bare makes an application of which nothing runs yet.
func bare(t *testing.T, o lab.StackOptions) *site {
	t.Helper()
	ctx := patience(t)
	stack, err := lab.Here(t).Stack(ctx, o)
	must(t, err)
	t.Cleanup(func() {
		if err := stack.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := &site{Stack: stack}
	s.now, err = s.PublishRelease(ctx, lab.Release{Tag: "v1.0.0", MigrationSQL: firstSQL})
	must(t, err)
	s.next, err = s.PublishRelease(ctx, lab.Release{Tag: "v1.1.0", MigrationSQL: nextSQL})
	must(t, err)
	return s
}

// running is bare with v1.0.0 deployed.
func running(t *testing.T, o lab.StackOptions, c lab.ConfigOptions) *site {
	t.Helper()
	s := bare(t, o)
	dir := s.operator(t, c)
	if got := s.run(t, dir, nil, "deploy", "v1.0.0", "--yes"); got.exit != 0 {
		t.Fatalf("the first release: exit %d\n%s", got.exit, got.said)
	}
	return s
}

// operator makes a folder with a fairlead.yaml and a home of its own.
func (s *site) operator(t *testing.T, c lab.ConfigOptions) string {
	t.Helper()
	dir := t.TempDir()
	must(t, s.WriteConfig(filepath.Join(dir, "fairlead.yaml"), c))
	return dir
}

// copyOf copies a release's folder, so that a case can spoil it.
func copyOf(t *testing.T, p lab.Published) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(p.Dir)))
	return dir
}
