// Command backup measures `fairlead backup create` beside `pg_dump -Fc`, in turn, on a server of its own: wall time of
// the dump (hash included), of the verification at level L2, size, and fairlead's own memory, in the custom and in the
// directory format. FAIRLEAD_GB is the size of the database on disk (1), FAIRLEAD_TURNS how often each runs (3). It
// prints a Markdown table.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/database/postgrestest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, number("FAIRLEAD_GB", 1), number("FAIRLEAD_TURNS", 3)); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// turn is one run of each.
type turn struct {
	plain     float64 // wall of pg_dump -Fc
	plainSize int64
	custom    made
	directory made
}

// made is one backup by fairlead.
type made struct {
	whole  float64 // wall from start to exit
	took   backup.Took
	size   int64
	memory int64 // KiB of fairlead itself
}

func measure(ctx context.Context, gb, turns int) error {
	dir, err := os.MkdirTemp("", "fairlead-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := postgrestest.Start(postgrestest.Options{Database: "bench",
		Attr:     syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT},
		Settings: []string{"max_wal_size=8GB", "shared_buffers=256MB", "autovacuum=off", "log_min_messages=fatal"}})
	if err != nil {
		return err
	}
	defer s.Stop()
	size, err := fill(ctx, s.URL("owner", "bench"), gb)
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "fairlead")
	if out, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program,
		"fairlead/cmd/fairlead").CombinedOutput(); err != nil {
		return fmt.Errorf("build fairlead: %w: %s", err, out)
	}
	for _, format := range []string{"custom", "directory"} {
		config := fmt.Sprintf("app: shop\nenvironment: bench\nledger: {kind: dir, path: ledger, durable: true}\n"+
			"database: {url: %q}\nbackup: {format: %s, store: {kind: dir, path: backups, durable: true}}\n",
			s.URL("owner", "bench"), format)
		err := os.Mkdir(filepath.Join(dir, format), 0o700)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, format, "fairlead.yaml"), []byte(config), 0o600)
		}
		if err != nil {
			return err
		}
	}
	var all []turn
	for range turns {
		t, err := one(ctx, s, dir, program)
		if err != nil {
			return err
		}
		all = append(all, t)
	}
	report(gb, size, all)
	return nil
}

// one runs all, the plain dump first.
func one(ctx context.Context, s *postgrestest.Server, dir, program string) (turn, error) {
	var t turn
	file := filepath.Join(dir, "plain.dump")
	began := time.Now()
	if out, err := exec.CommandContext(ctx, filepath.Join(s.Bin, "pg_dump"), "-Fc", "-f", file,
		s.URL("owner", "bench")).CombinedOutput(); err != nil {
		return t, fmt.Errorf("pg_dump: %w: %s", err, out)
	}
	t.plain = time.Since(began).Seconds()
	st, err := os.Stat(file)
	if err != nil {
		return t, err
	}
	t.plainSize = st.Size()
	if err := os.Remove(file); err != nil {
		return t, err
	}
	if t.custom, err = create(ctx, filepath.Join(dir, "custom"), program); err != nil {
		return t, err
	}
	t.directory, err = create(ctx, filepath.Join(dir, "directory"), program)
	return t, err
}

// create lets fairlead take a backup by the configuration in a folder, and removes it again.
func create(ctx context.Context, dir, program string) (made, error) {
	var t made
	cmd := exec.CommandContext(ctx, program, "backup", "create")
	cmd.Dir = dir
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return t, fmt.Errorf("fairlead backup create: %w: %s", err, out)
	}
	t.whole = time.Since(began).Seconds()
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return t, errors.New("the memory of a child cannot be had here")
	}
	t.memory = usage.Maxrss
	return t, t.read(filepath.Join(dir, "backups"))
}

// read takes the manifest's figures and removes the backup.
func (t *made) read(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "*.dump.json"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("there are %d manifests: %w", len(found), err)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		return err
	}
	var m backup.Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	t.took, t.size = m.Took, m.Size
	return os.RemoveAll(dir)
}
