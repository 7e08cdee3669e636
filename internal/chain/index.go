package chain

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"

	"fairlead/internal/atomicfile"
)

// maxIndex is the largest index in bytes that is believed; a larger one is passed over.
const maxIndex = 256 << 20

// A Summarizer makes one short text of a finished segment, for lists. Version names the layout: a summary of another
// version is made again. Of gets the lines of the segment and the line after them (nil for the last segment), which may
// close the run.
type Summarizer struct {
	Version string
	Of      func(lines [][]byte, next []byte) (json.RawMessage, error)
}

// An Entry is one segment in the index. Prev is the hash of the line before it; Problem says why there is no Summary.
type Entry struct {
	Segment int             `json:"segment"`
	Run     string          `json:"run"`
	Prev    Hash            `json:"prev"`
	First   Hash            `json:"first"`
	Last    Hash            `json:"last"`
	Version string          `json:"version,omitempty"`
	Summary json.RawMessage `json:"summary,omitempty"`
	Problem string          `json:"problem,omitempty"`
}

// Entries gives the newest limit segments (0: all), the newest first. What the index does not know, or knows of another
// chain, is read from the segments; nothing is written. The index is a convenience: what it says of a segment is
// checked by Verify, not here. A segment that can be read but not summarized has a Problem.
func (d *Dir) Entries(limit int) ([]Entry, error) {
	release := d.shared()
	defer release()
	t, err := d.tail()
	if err != nil || t.head == "" {
		return nil, err
	}
	n := len(t.list.segments)
	if limit <= 0 || limit > n {
		limit = n
	}
	newest := d.entry(t.seg, content{lines: t.lines, prev: t.prev, last: t.head}, nil)
	entries := append(make([]Entry, 0, limit), newest)
	known := d.indexTail(limit)
	next, nextLine := newest.Prev, t.lines[0]
	for i := n - 2; i >= n-limit; i-- {
		s := t.list.segments[i]
		e, ok := known[s.seq]
		if ok && e.Run == s.run && e.Last == next && e.Version == d.Summarizer.Version {
			entries = append(entries, e)
			next, nextLine = e.Prev, nil
			continue
		}
		if nextLine == nil {
			c, err := d.read(t.list.segments[i+1], false)
			if err != nil {
				return nil, err
			}
			nextLine = c.lines[0]
		}
		c, err := d.read(s, false)
		if err != nil {
			return nil, err
		}
		e = d.entry(s, c, nextLine)
		entries = append(entries, e)
		next, nextLine = e.Prev, c.lines[0]
	}
	return entries, nil
}

// entry summarizes one segment.
func (d *Dir) entry(s segment, c content, next []byte) Entry {
	e := Entry{Segment: s.seq, Run: s.run, Prev: c.prev, First: Sum(c.lines[0]), Last: c.last,
		Version: d.Summarizer.Version}
	if d.Summarizer.Of == nil {
		return e
	}
	summary, err := d.Summarizer.Of(c.lines, next)
	if err != nil {
		e.Problem = err.Error()
	} else {
		e.Summary = summary
	}
	return e
}

// indexTail reads the last entries of the index, at most limit, by segment. Whatever cannot be read is not known.
func (d *Dir) indexTail(limit int) map[int]Entry {
	data, err := readFile(filepath.Join(d.path, indexName), maxIndex)
	if err != nil {
		return nil
	}
	known := make(map[int]Entry, limit)
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	for ; len(data) > 0 && limit > 0; limit-- {
		start := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
		var e Entry
		if json.Unmarshal(data[start:], &e) == nil {
			known[e.Segment] = e
		}
		data = data[:start]
	}
	return known
}

// extendIndex notes the segment that has just been finished by the line next. An index that does not end with the
// segment before it is made anew. It is written under the lock; when it cannot be written, readers do without.
func (d *Dir) extendIndex(t tail, link Link, next []byte) {
	if t.seg.seq == 0 {
		return
	}
	e := d.entry(t.seg, content{lines: t.lines, prev: t.prev, last: t.head}, next)
	b, err := json.Marshal(e)
	if err != nil {
		return
	}
	b = append(b, '\n')
	path := filepath.Join(d.path, indexName)
	if t.seg.seq > 1 && d.indexEnds(path, t) {
		appendFile(path, b)
		return
	}
	d.rebuildIndex(t, b)
}

// indexEnds tells that the index is whole up to the segment before t's.
func (d *Dir) indexEnds(path string, t tail) bool {
	line := lastLine(path)
	var e Entry
	return line != nil && json.Unmarshal(line, &e) == nil &&
		e.Segment == t.seg.seq-1 && e.Last == t.prev && e.Version == d.Summarizer.Version
}

// rebuildIndex writes the index of all segments before t's, then last.
func (d *Dir) rebuildIndex(t tail, last []byte) {
	next := t.lines[0]
	lines := make([][]byte, t.seg.seq)
	lines[t.seg.seq-1] = last
	for i := t.seg.seq - 2; i >= 0; i-- {
		s := t.list.segments[i]
		c, err := d.read(s, false)
		if err != nil {
			return
		}
		b, err := json.Marshal(d.entry(s, c, next))
		if err != nil {
			return
		}
		lines[i], next = b, c.lines[0]
	}
	// readers do without
	_ = atomicfile.Write(filepath.Join(d.path, indexName), bytes.Join(lines, []byte("\n")), fileMode)
}

// appendFile adds b to a file; when that cannot be done whole, the file is put back.
func appendFile(path string, b []byte) {
	f, err := openFile(path, os.O_RDWR)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return
	}
	if _, err := f.WriteAt(b, info.Size()); err != nil {
		f.Truncate(info.Size())
	}
}

// lastLine gives the last line of a file, or nil when its end is torn or longer than a line may be.
func lastLine(path string) []byte {
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	b := make([]byte, min(info.Size(), MaxLine))
	if _, err := f.ReadAt(b, info.Size()-int64(len(b))); err != nil || len(b) == 0 || b[len(b)-1] != '\n' {
		return nil
	}
	b = b[:len(b)-1]
	return b[bytes.LastIndexByte(b, '\n')+1:]
}
