package chain

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/atomicfile"
)

// maxSegment is the largest file of one run in bytes that is read or written.
const maxSegment = 64 << 20

// oldTemporary is how the names of files began that earlier versions had not put in place yet.
const oldTemporary = ".new-"

// A segment is one file: the lines of one run, numbered from 1. The zero segment is none.
type segment struct {
	seq  int
	run  string
	name string
}

// String names the segment for people.
func (s segment) String() string { return fmt.Sprintf("segment %d (%s)", s.seq, s.run) }

// newSegment names the segment of a run.
func newSegment(seq int, run string) segment {
	return segment{seq: seq, run: run, name: fmt.Sprintf("%08d-%s.jsonl", seq, run)}
}

// parseSegment reads a file name.
func parseSegment(name string) (segment, bool) {
	base, ok := strings.CutSuffix(name, ".jsonl")
	if !ok || len(base) < 10 || base[8] != '-' || !validRun(base[9:]) {
		return segment{}, false
	}
	seq, err := strconv.ParseUint(base[:8], 10, 32)
	if err != nil || seq == 0 {
		return segment{}, false
	}
	return segment{seq: int(seq), run: base[9:], name: name}, true
}

// validRun tells whether a run's id may be part of a file name: 1 to 100 of a-z, A-Z, 0-9, dot, underscore, dash, and
// no dot in front.
func validRun(run string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return run != "" && len(run) <= 100 && run[0] != '.' && strings.Trim(run, letters) == ""
}

// A listing is what lies in the directory of segments: they in order, and what dead writers left behind.
type listing struct {
	segments  []segment
	leftovers []string
}

// list reads the names. No directory is an empty listing. A gap or a segment that stands twice is ErrBroken.
func (d *Dir) list() (listing, error) {
	var l listing
	for _, path := range []string{d.path, filepath.Join(d.path, segmentsName)} {
		if err := realDir(path); absent(err) {
			return l, nil
		} else if err != nil {
			return l, err
		}
	}
	names, err := readNames(filepath.Join(d.path, segmentsName))
	if err != nil {
		return l, fmt.Errorf("list the ledger: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		if atomicfile.IsTemporary(name) || strings.HasPrefix(name, oldTemporary) {
			l.leftovers = append(l.leftovers, name)
			continue
		}
		s, ok := parseSegment(name)
		if !ok {
			continue
		}
		if s.seq != len(l.segments)+1 {
			return l, fmt.Errorf("%w: %s stands where segment %d is due", ErrBroken, s, len(l.segments)+1)
		}
		l.segments = append(l.segments, s)
	}
	return l, nil
}

// content is what one segment holds. prev is what the first line names, last and link are those of the last line, good
// are the bytes of complete lines.
type content struct {
	lines      [][]byte
	prev, last Hash
	link       Link
	good, size int64
}

// read reads one segment and checks it: every line names the one before, all belong to the run, and only the first
// opens it. In the last segment of a chain a torn last line is passed over.
func (d *Dir) read(s segment, last bool) (content, error) {
	data, err := readFile(filepath.Join(d.path, segmentsName, s.name), maxSegment)
	if err != nil {
		return content{}, fmt.Errorf("read %s: %w", s, err)
	}
	c, err := parseSegmentData(data, s.run, last)
	if err != nil {
		return content{}, fmt.Errorf("%s, %w", s, err)
	}
	return c, nil
}

// parseSegmentData reads the bytes of one segment.
func parseSegmentData(data []byte, run string, last bool) (content, error) {
	c := content{size: int64(len(data))}
	good := complete(data)
	if !last && (good != len(data) || good == 0) {
		return content{}, fmt.Errorf("line %d: %w: it was cut", bytes.Count(data, []byte("\n"))+1, ErrBroken)
	}
	c.good = int64(good)
	for rest := data[:good]; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		line := rest[:end:end]
		rest = rest[end+1:]
		link, err := Read(line)
		if err == nil {
			err = follows(c, link, run)
		}
		if err != nil {
			return content{}, fmt.Errorf("line %d: %w", len(c.lines)+1, err)
		}
		if len(c.lines) == 0 {
			c.prev = link.Prev
		}
		c.lines = append(c.lines, line)
		c.last, c.link = Sum(line), link
	}
	return c, nil
}

// follows tells whether a line may stand after the ones in c.
func follows(c content, link Link, run string) error {
	first := len(c.lines) == 0
	switch {
	case link.Run != run:
		return fmt.Errorf("%w: a record of run %s among those of %s", ErrBroken, link.Run, run)
	case first != link.begins():
		return fmt.Errorf("%w: a segment begins with its opening record, and has no other", ErrBroken)
	case !first && link.Prev != c.last:
		return fmt.Errorf("%w: record %s does not follow the one before it", ErrBroken, link.ID)
	}
	return nil
}

// begins tells whether a record begins a segment.
func (l Link) begins() bool { return l.Verdict == "opened" || l.Verdict == "manual" }

// complete gives the number of bytes up to the end of the last complete line. A power cut may leave a last line with
// holes: a zero byte cannot stand in a record, so such a line was never finished either.
func complete(data []byte) int {
	end := bytes.LastIndexByte(data, '\n') + 1
	if end == 0 {
		return 0
	}
	start := bytes.LastIndexByte(data[:end-1], '\n') + 1
	if end == len(data) && bytes.IndexByte(data[start:end], 0) >= 0 {
		return start
	}
	return end
}

// openingID gives the id of a segment's first record without reading the rest.
func (d *Dir) openingID(s segment) (string, error) {
	f, err := openFile(filepath.Join(d.path, segmentsName, s.name), os.O_RDONLY)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", s, err)
	}
	defer f.Close()
	line, err := bufio.NewReaderSize(io.LimitReader(f, MaxLine+1), 16<<10).ReadBytes('\n')
	if err != nil {
		return "", fmt.Errorf("%s, line 1: %w: %v", s, ErrBroken, err)
	}
	l, err := Read(line[:len(line)-1])
	if err != nil {
		return "", fmt.Errorf("%s, line 1: %w", s, err)
	}
	return l.ID, nil
}
