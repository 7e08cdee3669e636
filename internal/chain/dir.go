package chain

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"fairlead/internal/filelock"
)

// The names inside a ledger's directory.
const (
	segmentsName = "segments"
	blobsName    = "blobs"
	indexName    = "index.jsonl"
	lockName     = "lock"
)

// The time that a caller waits for another process. A reader that waits in vain reads without the lock; a writer gives
// up.
const (
	readerPatience = 2 * time.Second
	writerPatience = 10 * time.Second
)

// Dir is the file store of one chain: a directory with one file per segment, the blobs, a lock and an index that can be
// rebuilt. Any number of processes may use one directory; every method may be called from several goroutines. Reading
// creates nothing.
//
// A line is one write that ends with its newline, made durable before Append answers. Whatever stops the machine,
// readers see the state before or the state after: a last line without its newline was never answered, is passed over
// by readers and removed by the next writer; a new segment appears whole, by renaming.
type Dir struct {
	path string

	// Summarizer, when its Of is set, is asked for the summary that the index keeps of each finished segment.
	// Set it before the first use.
	Summarizer Summarizer
}

// OpenDir names the directory of a chain. It touches nothing; the directory need not exist.
func OpenDir(path string) *Dir { return &Dir{path: filepath.Clean(path)} }

// Path gives the directory.
func (d *Dir) Path() string { return d.path }

// Head gives the id of the chain (the id of its first record), the hash of the last line, and the lines of the last
// segment, oldest first. What it tells is durable. All are zero where there is no chain. It reads the last segment,
// never the whole chain. The errors match ErrBroken, or are those of the file system.
func (d *Dir) Head() (ledger string, head Hash, last [][]byte, err error) {
	release := d.shared()
	defer release()
	t, err := d.tail()
	if err != nil || t.head == "" {
		return "", "", nil, err
	}
	if err := d.settle(t); err != nil {
		return "", "", nil, err
	}
	ledger, err = d.firstID(t)
	if err != nil {
		return "", "", nil, err
	}
	return ledger, t.head, t.lines, nil
}

// Segment gives the lines of one run, oldest first; none and no error when the run is unknown. ErrBroken when the
// segment was edited, reordered or cut, except a torn last line of the last segment.
func (d *Dir) Segment(run string) ([][]byte, error) {
	release := d.shared()
	defer release()
	list, err := d.list()
	if err != nil {
		return nil, err
	}
	var lines [][]byte
	for i, s := range list.segments {
		if s.run != run {
			continue
		}
		c, err := d.read(s, i == len(list.segments)-1)
		if err != nil {
			return nil, err
		}
		lines = append(lines, c.lines...)
	}
	return lines, nil
}

// Lines gives every line of the chain, oldest first, one segment in memory at a time. It ends with the first error.
// It does not compare the segments with each other: that is Verify's work.
func (d *Dir) Lines() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		list, err := d.list()
		if err != nil {
			yield(nil, err)
			return
		}
		for i, s := range list.segments {
			c, err := d.readQuiet(s, i == len(list.segments)-1)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, l := range c.lines {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}

// readQuiet reads a segment; the one that may be growing is read under the lock.
func (d *Dir) readQuiet(s segment, last bool) (content, error) {
	if last {
		release := d.shared()
		defer release()
	}
	return d.read(s, last)
}

// tail is the end of a chain as found on disk: seg is the last segment with at least one line, empty a last one in
// which no line was completed, prev the hash of the last line before seg. good are the bytes of complete lines in seg,
// size counts a torn line too; head and link are those of the last line, empty when there is no chain.
type tail struct {
	list       listing
	seg, empty segment
	prev, head Hash
	lines      [][]byte
	good, size int64
	link       Link
}

// tail reads the last segment and holds it against the end of the one before.
func (d *Dir) tail() (tail, error) {
	list, err := d.list()
	if err != nil {
		return tail{}, err
	}
	t := tail{list: list}
	n := len(list.segments)
	if n == 0 {
		return t, nil
	}
	c, err := d.read(list.segments[n-1], true)
	if err != nil {
		return tail{}, err
	}
	if len(c.lines) == 0 {
		t.empty = list.segments[n-1]
		t.list.segments = list.segments[:n-1]
		n--
		if n == 0 {
			return t, nil
		}
		if c, err = d.read(list.segments[n-1], false); err != nil {
			return tail{}, err
		}
	}
	t.seg, t.lines, t.good, t.size, t.head, t.link = list.segments[n-1], c.lines, c.good, c.size, c.last, c.link
	if n > 1 {
		before, err := d.read(list.segments[n-2], false)
		if err != nil {
			return tail{}, err
		}
		t.prev = before.last
	}
	if c.prev != t.prev {
		return tail{}, fmt.Errorf("%w: %s does not follow the last record of the segment before it", ErrBroken, t.seg)
	}
	return t, nil
}

// firstID gives the id of the chain's first record.
func (d *Dir) firstID(t tail) (string, error) {
	if t.seg.seq == 1 {
		l, err := Read(t.lines[0])
		return l.ID, err
	}
	return d.openingID(t.list.segments[0])
}

// settle makes durable what was read, for a writer that died between its write and its answer. A file system that
// cannot be written to holds nothing that is not durable.
func (d *Dir) settle(t tail) error {
	err := errors.Join(syncPath(filepath.Join(d.path, segmentsName, t.seg.name)),
		syncPath(filepath.Join(d.path, segmentsName)))
	if err == nil || readOnly(err) {
		return nil
	}
	return fmt.Errorf("make the ledger durable: %w", err)
}

// absent tells that err says there is no such file.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// exclusive takes the writers' lock, creating its file. It gives up after writerPatience; then nothing was written.
func (d *Dir) exclusive() (release func(), err error) {
	path := filepath.Join(d.path, lockName)
	f, err := openFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	switch {
	case err == nil:
		if err := f.Chmod(fileMode); err != nil {
			f.Close()
			return nil, err
		}
	case errors.Is(err, os.ErrExist):
		if f, err = openFile(path, os.O_RDWR); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	err = filelock.Wait(f, filelock.Exclusive, writerPatience)
	if errors.Is(err, filelock.ErrHeld) {
		err = fmt.Errorf("lock %s: another process has held it for %s; nothing was written", path, writerPatience)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// shared takes the readers' lock, so that no line is seen half written. Where it cannot be had (no ledger, no right, a
// writer that is stopped in the middle) one reads without it: the chain itself tells what is whole.
func (d *Dir) shared() (release func()) {
	f, err := openFile(filepath.Join(d.path, lockName), os.O_RDONLY)
	if err != nil {
		return func() {}
	}
	if filelock.Wait(f, filelock.Shared, readerPatience) != nil {
		f.Close()
		return func() {}
	}
	return func() { f.Close() }
}
