package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"fairlead/internal/database"
)

// Verify reads the whole archive through pg_restore, decompression included, counts the rows of every table out of what comes, and
// compares them with d. It reads r to its end, so that a hash taken beside it is of everything. Nothing is kept; memory is constant.
func (d *Database) Verify(ctx context.Context, r io.Reader, dump database.Dump) error {
	path, _, err := d.program(ctx, "pg_restore", leadingNumber(dump.Dumper))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd, said := child(ctx, path, cleanEnviron(os.Environ()), "--data-only", "--file=-")
	in := &counted{r: r}
	rows := newRowCounter()
	cmd.Stdin, cmd.Stdout = in, rows
	err = cmd.Run()
	if in.err != nil {
		return fmt.Errorf("read the archive back: %w", in.err)
	}
	if err := d.ended(ctx, "pg_restore cannot read the archive", err, said); err != nil {
		return err
	}
	left, err := io.Copy(io.Discard, r)
	if err != nil {
		return fmt.Errorf("read the archive back: %w", err)
	}
	if left > 0 {
		return fmt.Errorf("read the archive back: %d bytes follow its end", left)
	}
	found, err := rows.counts()
	if err != nil {
		return fmt.Errorf("read the archive back: %w", err)
	}
	return compare(dump.Tables, found)
}

// counted remembers an error of the reader itself, which exec would mix with the child's.
type counted struct {
	r   io.Reader
	err error
}

// Read reads on.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// compare gives what differs, at most a handful of tables.
func compare(want map[string]int64, found map[string]int64) error {
	var bad []string
	seen := make(map[string]bool, len(want))
	for name, n := range want {
		key, ok := tableKey(name)
		if !ok {
			return fmt.Errorf("compare the archive: %q is not the name of a table", name)
		}
		seen[key] = true
		got, there := found[key]
		switch {
		case !there:
			bad = append(bad, name+" is not in it")
		case got != n:
			bad = append(bad, fmt.Sprintf("%s has %d rows in it, %d when it was dumped", name, got, n))
		}
	}
	for key := range found {
		if !seen[key] {
			bad = append(bad, strings.ReplaceAll(key, "\x00", ".")+" is in it, but was not there when it was dumped")
		}
	}
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	text := strings.Join(bad[:min(len(bad), 5)], "; ")
	if len(bad) > 5 {
		text += fmt.Sprintf("; and %d more", len(bad)-5)
	}
	return fmt.Errorf("the archive does not hold what was dumped: %s", text)
}
