package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// PostgresImage is what ImportPostgres makes, by name. A container of it is a
// server on port 5432 for the superuser postgres with the password in
// POSTGRES_PASSWORD, as the official image is; its data goes with it.
const PostgresImage = "fairlead-lab/postgres:local"

const postgresEntry = `#!/bin/sh
set -e
if [ ! -s /data/PG_VERSION ]; then
	printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/pw
	initdb -D /data -U postgres -A scram-sha-256 --pwfile /tmp/pw --no-sync -E UTF8 --locale C >/dev/null
	: >/tmp/pw
	echo "host all all all scram-sha-256" >>/data/pg_hba.conf
fi
exec postgres -D /data -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off
`

// ImportPostgres makes PostgresImage of this machine's own PostgreSQL, unless
// the engine has it already.
func (l *Lab) ImportPostgres(ctx context.Context) error {
	if l.Docker(ctx, "image", "inspect", PostgresImage).Run() == nil {
		return nil
	}
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(postgresFiles(ctx, bin, w)) }()
	cmd := l.Docker(ctx, "import", "-c", "USER 70:70", "-c", "ENV PATH="+bin+":/bin", "-c", "ENV TZ=UTC", "-c",
		`ENTRYPOINT ["/bin/sh", "/entry.sh"]`, "-", PostgresImage)
	cmd.Stdin = r
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("docker import: %w: %s", err, out)
	}
	return nil
}

// postgresFiles writes what a server needs, and nothing else, as a tar.
func postgresFiles(ctx context.Context, bin string, to io.Writer) error {
	w := tar.NewWriter(to)
	top := filepath.Dir(bin)
	share := filepath.Join("/usr/share/postgresql", filepath.Base(top))
	programs := []string{"/bin/sh", "/bin/rm", "/bin/ls"}
	for _, name := range []string{"postgres", "initdb", "psql", "pg_dump", "pg_restore", "pg_dumpall"} {
		programs = append(programs, filepath.Join(bin, name))
	}
	libraries, err := filepath.Glob(filepath.Join(top, "lib", "*.so"))
	if err != nil {
		return err
	}
	for _, so := range libraries {
		if !strings.Contains(so, "llvmjit") {
			programs = append(programs, so)
		}
	}
	needed, err := linked(ctx, programs)
	if err != nil {
		return err
	}
	files := append(programs, needed...)
	for _, zone := range []string{"UTC", "GMT", "Etc/UTC"} {
		files = append(files, filepath.Join("/usr/share/zoneinfo", zone))
	}
	for _, f := range files {
		if err := addFile(w, f, f); err != nil {
			return err
		}
	}
	if err := addTree(w, share); err != nil {
		return err
	}
	for _, f := range []struct {
		head tar.Header
		text string
	}{
		{tar.Header{Name: "entry.sh", Mode: 0o755}, postgresEntry},
		{tar.Header{Name: "etc/passwd", Mode: 0o644}, "root:x:0:0::/:/bin/sh\npostgres:x:70:70::/data:/bin/sh\n"},
		{tar.Header{Name: "etc/group", Mode: 0o644}, "root:x:0:\npostgres:x:70:\n"},
		{tar.Header{Name: "data/", Typeflag: tar.TypeDir, Mode: 0o700, Uid: 70, Gid: 70}, ""},
		{tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}, ""},
	} {
		f.head.Size = int64(len(f.text))
		if err := w.WriteHeader(&f.head); err != nil {
			return err
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			return err
		}
	}
	return w.Close()
}

// linked gives the libraries that programs are linked with, by ldd.
func linked(ctx context.Context, programs []string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "ldd", programs...).Output()
	if err != nil && len(out) == 0 {
		return nil, fmt.Errorf("ldd: %w", err)
	}
	seen := map[string]bool{}
	var all []string
	for line := range bytes.Lines(out) {
		for _, word := range strings.Fields(string(line)) {
			if strings.HasPrefix(word, "/") && !strings.HasSuffix(word, ":") && !seen[word] {
				seen[word] = true
				all = append(all, word)
			}
		}
	}
	return all, nil
}

// addFile adds what a path leads to, links followed.
func addFile(w *tar.Writer, name, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: int64(info.Mode().Perm()),
		Size: int64(len(b))}); err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func addTree(w *tar.Writer, root string) error {
	return filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "/locale/") || strings.Contains(path, "/man/") {
			return err
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return nil
		}
		return addFile(w, path, path)
	})
}
