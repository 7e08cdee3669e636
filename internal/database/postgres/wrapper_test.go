//go:build real

package postgres

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/config"
)

// wrapper makes a pg_dump that is a shell script, in which $real is the true one, beside the true pg_restore and nothing else.
func wrapper(t *testing.T, script string) config.Path {
	t.Helper()
	dir := t.TempDir()
	real, err := filepath.EvalSymlinks(filepath.Join(server.Bin, "pg_dump"))
	if err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/bash\nreal=" + real + "\nif [ \"$1\" = --version ]; then exec \"$real\" --version; fi\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(dir, "pg_dump"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(filepath.Dir(real), "pg_restore"), filepath.Join(dir, "pg_restore")); err != nil {
		t.Fatal(err)
	}
	return config.Path(filepath.Join(dir, "pg_dump"))
}

// try runs one statement that may fail.
func try(t *testing.T, url, sql string) error {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), sql)
	return err
}
