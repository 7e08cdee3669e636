package chain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"fairlead/internal/atomicfile"
)

// Append writes a line behind the one whose hash is after, and gives its hash once it is durable.
//
// A line of verdict "opened" or "manual" begins a new segment; the segment before it is finished. An empty after begins
// the chain, creating the directory. The answers:
//   - nil also when the head is the line's own record (the same id) already: an earlier answer was lost. The hash is
//     the head's.
//   - ErrOvertaken: the head is another record, or there is a chain where none should be. Nothing was written.
//   - ErrMissing: there is no chain behind which to write. Nothing was written or created.
//   - ErrBroken: the line does not name after, or cannot stand there, or the end of the chain is damaged. Nothing was
//     written.
//   - ErrTooLong: the line or its segment is too long. Nothing was written.
//   - Any other error: it is not known whether the line was written; Head finds out.
func (d *Dir) Append(after Hash, line []byte) (Hash, error) {
	link, err := Read(line)
	if err != nil {
		return "", err
	}
	if link.Prev != after {
		return "", fmt.Errorf("%w: the record names %q as the one before it, it is to stand after %q", ErrBroken,
			link.Prev, after)
	}
	if !validRun(link.Run) {
		return "", fmt.Errorf("%w: the run id %q cannot be a file name", ErrBroken, link.Run)
	}
	if after == "" {
		if !link.begins() {
			return "", fmt.Errorf("%w: a ledger begins with the opening of a run", ErrBroken)
		}
		if err := makeDir(filepath.Join(d.path, segmentsName)); err != nil {
			return "", fmt.Errorf("create the ledger: %w", err)
		}
		// Whoever made the directory may have died before its name was durable.
		if err := errors.Join(syncPath(filepath.Dir(d.path)), syncPath(d.path)); err != nil {
			return "", fmt.Errorf("create the ledger: %w", err)
		}
	} else if err := realDir(filepath.Join(d.path, segmentsName)); absent(err) {
		return "", fmt.Errorf("%w: %s", ErrMissing, d.path)
	} else if err != nil {
		return "", err
	}
	release, err := d.exclusive()
	if err != nil {
		return "", err
	}
	defer release()
	t, err := d.tail()
	if err != nil {
		return "", err
	}
	if t.head != after {
		return d.lost(t, link)
	}
	if err := d.write(t, link, line); err != nil {
		return "", fmt.Errorf("write the record: %w", err)
	}
	return Sum(line), nil
}

// lost answers a writer whose head is not the head: its own record, whose answer was lost, or somebody else's.
func (d *Dir) lost(t tail, link Link) (Hash, error) {
	switch {
	case t.head == "":
		return "", fmt.Errorf("%w: %s", ErrMissing, d.path)
	case t.link.ID != link.ID:
		return "", fmt.Errorf("%w: the last record is %s (%s) of run %s", ErrOvertaken, t.link.ID,
			t.link.Verdict, t.link.Run)
	}
	if err := d.settle(t); err != nil {
		return "", err
	}
	return t.head, nil
}

// write puts the line behind t, under the lock, after removing what dead writers left.
func (d *Dir) write(t tail, link Link, line []byte) error {
	dir := filepath.Join(d.path, segmentsName)
	for _, name := range t.list.leftovers {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !absent(err) {
			return err
		}
	}
	if t.empty.seq != 0 {
		if err := os.Remove(filepath.Join(dir, t.empty.name)); err != nil && !absent(err) {
			return err
		}
	}
	data := append(line[:len(line):len(line)], '\n')
	if !link.begins() {
		if link.Run != t.seg.run {
			return fmt.Errorf("%w: a record of run %s among those of %s", ErrBroken, link.Run, t.seg.run)
		}
		return extend(filepath.Join(dir, t.seg.name), t, data)
	}
	if t.size > t.good {
		if err := extend(filepath.Join(dir, t.seg.name), t, nil); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(filepath.Join(dir, newSegment(t.seg.seq+1, link.Run).name), data, fileMode); err != nil {
		return err
	}
	d.extendIndex(t, link, line)
	return nil
}

// extend writes data behind the complete lines of a file. If that cannot be done whole, the file is put back.
func extend(path string, t tail, data []byte) (err error) {
	if t.good+int64(len(data)) > maxSegment {
		return fmt.Errorf("%w: the records of run %s would take more than %d bytes", ErrTooLong, t.seg.run, maxSegment)
	}
	f, err := openFile(path, os.O_RDWR)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if t.size > t.good {
		if err := errors.Join(f.Truncate(t.good), f.Sync()); err != nil {
			return err
		}
	}
	if len(data) == 0 {
		return nil
	}
	if _, err = f.WriteAt(data, t.good); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(t.good), f.Sync())
	}
	return nil
}
