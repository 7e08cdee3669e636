package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
)

// Verify reads the whole archive through pg_restore, decompression included, counts the rows of every table out of what
// comes and the objects out of its table of contents, and compares them with dump. It reads r to its end, so that a
// hash taken beside it is of everything. Nothing is kept; memory is constant. The directory format is unpacked into a
// private folder meanwhile.
func (a *Archive) Verify(ctx context.Context, r io.Reader, dump database.Dump) error {
	t, err := a.server.Tool(ctx, "pg_restore", server.LeadingNumber(dump.Dumper))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if dump.Format == database.FormatDirectory {
		if t.Site != nil {
			return fmt.Errorf("%w: an archive in the directory format is read by a pg_restore of this machine only, "+
				"and none fits", database.ErrVersion)
		}
		return a.verifyDirectory(ctx, t, r, dump)
	}
	toc, err := a.list(ctx, t)
	if err != nil {
		return err
	}
	defer toc.done()
	in := &counted{r: io.TeeReader(r, toc)}
	rows := newRowCounter()
	err = a.server.RunOffline(ctx, t, server.Command{Name: noRead, Args: []string{"--data-only", "--file=-"}, In: in,
		Out: rows})
	if in.err != nil {
		return fmt.Errorf("read the archive back: %w", in.err)
	}
	if err != nil {
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
	objects, err := toc.done()
	if err != nil {
		return err
	}
	objects[largeObjects] = rows.large
	return compare(dump, found, objects)
}

// listing is a pg_restore --list that reads along: it gets the archive's beginning and ends once it has the table of
// contents.
type listing struct {
	in      *os.File
	result  chan error
	counter *tocCounter
	deaf    bool
	ended   bool
}

// What a pg_restore that fails is said to do.
const (
	noList = "pg_restore cannot read the archive's table of contents"
	noRead = "pg_restore cannot read the archive"
)

func (a *Archive) list(ctx context.Context, t server.Tool) (*listing, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("read the archive's table of contents: %w", err)
	}
	l := &listing{in: in, result: make(chan error, 1), counter: newTOCCounter()}
	go func() {
		err := a.server.RunOffline(ctx, t, server.Command{Name: noList, Args: []string{"--list"}, In: out,
			Out: l.counter})
		// Nothing more is read.
		out.Close()
		l.result <- err
	}()
	return l, nil
}

// Write passes on for as long as it is wanted, and never fails.
func (l *listing) Write(p []byte) (int, error) {
	if !l.deaf {
		_, err := l.in.Write(p)
		l.deaf = err != nil
	}
	return len(p), nil
}

// done waits for the end and gives the counts; a second call gives nothing.
func (l *listing) done() (map[string]int64, error) {
	if l.ended {
		return nil, nil
	}
	l.ended = true
	_ = l.in.Close()
	if err := <-l.result; err != nil {
		return nil, err
	}
	return l.counter.found, nil
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
func compare(dump database.Dump, found, objects map[string]int64) error {
	want, bad := dump.Tables, lacking(dump.Contents, objects)
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
