package archive

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/tempdir"
)

// pgDumpDirectory lets pg_dump write the directory format into a private folder, by several sessions at once, all of
// them in the snapshot. Once pg_dump has ended well, the folder goes to w as a tar.
func (a *Archive) pgDumpDirectory(ctx context.Context, t server.Tool, snapshot string, w io.Writer) error {
	work, err := a.openWorkspace()
	if err != nil {
		return err
	}
	defer work.Remove()
	dir := filepath.Join(work.Path, "dump")
	args := append(a.dumpArguments(database.FormatDirectory, snapshot), "--jobs="+
		strconv.Itoa(a.server.Session.DirectoryJobs), "--no-sync", "--file="+dir)
	stop := tellSize(dir, w)
	err = a.server.RunConnected(ctx, t, server.Command{Name: "pg_dump", Args: args, Group: true})
	stop()
	if err != nil {
		return err
	}
	out := &pipe{w: w}
	err = pack(ctx, dir, out)
	if out.err != nil {
		return fmt.Errorf("store the dump: %w", out.err)
	}
	return err
}

// tellSize tells w how large a folder becomes, once a second or less often where there are many files, if w wants to
// know; until stop is called, which must be.
func tellSize(dir string, w io.Writer) (stop func()) {
	to, ok := w.(interface{ Ahead(bytes int64) })
	if !ok {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		pause := time.Second
		for {
			select {
			case <-end:
				return
			case <-time.After(pause):
			}
			began := time.Now()
			to.Ahead(sizeOf(dir))
			pause = time.Second + 10*time.Since(began)
		}
	}()
	return func() { close(end); <-ended }
}

// sizeOf adds up the files of a folder.
func sizeOf(dir string) (n int64) {
	entries, _ := os.ReadDir(dir) // what cannot be read now is told later
	for _, e := range entries {
		if st, err := e.Info(); err == nil {
			n += st.Size()
		}
	}
	return n
}

// unpacked makes a folder of the tar in r. The workspace is the caller's to close.
func (a *Archive) unpacked(ctx context.Context, r io.Reader) (*tempdir.Dir, error) {
	work, err := a.openWorkspace()
	if err != nil {
		return nil, err
	}
	if err := unpack(ctx, r, work.Path); err != nil {
		work.Remove()
		return nil, err
	}
	return work, nil
}

// unpackedFor is unpacked for a restore, out of a file where one is given.
func (a *Archive) unpackedFor(ctx context.Context, r io.Reader, file string) (*tempdir.Dir, error) {
	if file == "" {
		return a.unpacked(ctx, r)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the archive: %w", err)
	}
	defer f.Close()
	return a.unpacked(ctx, f)
}

// verifyDirectory is Verify for the directory format: the same looks, at the files that the tar holds.
func (a *Archive) verifyDirectory(ctx context.Context, t server.Tool, r io.Reader, dump database.Dump) error {
	work, err := a.unpacked(ctx, r)
	if err != nil {
		return err
	}
	defer work.Remove()
	toc, rows := newTOCCounter(), newRowCounter()
	for _, c := range []server.Command{
		{Name: noList, Out: toc, Args: []string{"--list"}},
		{Name: noRead, Out: rows, Args: []string{"--data-only", "--file=-"}},
	} {
		c.Args = append(c.Args, "--format=directory", "--", work.Path)
		if err := a.server.RunOffline(ctx, t, c); err != nil {
			return err
		}
	}
	found, err := rows.counts()
	if err != nil {
		return fmt.Errorf("read the archive back: %w", err)
	}
	toc.found[largeObjects] = rows.large
	return compare(dump, found, toc.found)
}

// workPrefix begins the name of a private folder in which the directory of one dump stands while it is written,
// verified or restored.
const workPrefix = ".fairlead-directory-"

// below is where workspaces are made.
func (a *Archive) below() string {
	if a.server.Session.Scratch != "" {
		return a.server.Session.Scratch
	}
	return os.TempDir()
}

// openWorkspace removes what dead processes left and makes a new one.
func (a *Archive) openWorkspace() (*tempdir.Dir, error) {
	below := a.below()
	if err := os.MkdirAll(below, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for scratch: %w", err)
	}
	tempdir.Sweep(below, workPrefix, nil)
	return tempdir.Make(below, workPrefix)
}

// Workspace gives the folder below which directories of dumps stand for a while, and the bytes that are free there.
// What dead processes left there is removed first.
func (a *Archive) Workspace() (place string, free int64, err error) {
	place = a.below()
	tempdir.Sweep(place, workPrefix, nil)
	at := place
	for {
		free, err = tempdir.Free(at)
		if up := filepath.Dir(at); os.IsNotExist(err) && up != at {
			at = up
			continue
		}
		return place, free, err
	}
}
