// Package chain is the hash chain under a ledger: lines whose hash is the SHA-256 of their exact bytes, each naming the
// hash of the line before, with compare-and-append and a file store. It knows nothing of deployments. Start with Hash,
// Link and Dir.
package chain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
)

// The answers that every ledger gives; test with errors.Is.
var (
	// ErrOvertaken: the head is not what the writer thought, and the head is not the writer's own record.
	ErrOvertaken = errors.New("somebody else has written")
	// ErrMissing: there is no chain here although one was expected.
	ErrMissing = errors.New("the ledger is missing")
	// ErrExists: a chain is to be created where one is already.
	ErrExists = errors.New("a ledger exists already")
	// ErrBroken: a line does not name the hash of the one before it, or cannot be read. The ledger was edited or
	// damaged.
	ErrBroken = errors.New("the hash chain is broken")
	// ErrTooLong: a line is longer than MaxLine.
	ErrTooLong = errors.New("the record is too long")
)

// MaxLine is the longest line in bytes that is written or read. Larger things are blobs.
const MaxLine = 1 << 20

// A Hash is "sha256:" and 64 hex digits over the exact bytes of one line, without its newline. The empty Hash stands
// before the first line.
type Hash string

// Sum gives the hash of a line.
func Sum(line []byte) Hash {
	s := sha256.Sum256(line)
	return Hash("sha256:" + hex.EncodeToString(s[:]))
}

// A Link is what a chain reads of a line: the hash of the line before, the id made by its writer, and the run it
// belongs to. Verdict "opened" (or "manual") begins a new segment.
type Link struct {
	Prev    Hash   `json:"prev"`
	ID      string `json:"id"`
	Run     string `json:"run"`
	Verdict string `json:"verdict"`
}

// Read gives the link of a line. It is ErrTooLong or ErrBroken when the line cannot be one.
func Read(line []byte) (Link, error) {
	if len(line) > MaxLine {
		return Link{}, ErrTooLong
	}
	if bytes.ContainsAny(line, "\n\r") {
		return Link{}, fmt.Errorf("%w: a record holds a line break", ErrBroken)
	}
	var l Link
	if err := json.Unmarshal(line, &l); err != nil {
		return Link{}, fmt.Errorf("%w: %v", ErrBroken, err)
	}
	if l.ID == "" || l.Run == "" {
		return Link{}, fmt.Errorf("%w: a record without id or run", ErrBroken)
	}
	return l, nil
}

// Verify checks a whole chain, oldest line first: it gives the number of lines and the hash of the last one, or an
// error that matches ErrBroken and names the first line that does not hold. No lines is a chain of none.
func Verify(lines iter.Seq2[[]byte, error]) (count int, head Hash, err error) {
	segment, inside, run := 0, 0, ""
	for line, err := range lines {
		if err != nil {
			return count, head, err
		}
		link, err := Read(line)
		if err == nil && link.begins() {
			segment, inside, run = segment+1, 0, link.Run
		}
		inside++
		switch {
		case err != nil:
		case link.Prev != head:
			err = fmt.Errorf("%w: record %s does not follow the one before it", ErrBroken, link.ID)
		case segment == 0:
			err = fmt.Errorf("%w: a ledger begins with the opening of a run", ErrBroken)
		case link.Run != run:
			err = fmt.Errorf("%w: a record of run %s among those of %s", ErrBroken, link.Run, run)
		}
		if err != nil {
			return count, head, fmt.Errorf("line %d (segment %d %s, line %d): %w", count+1, segment, run, inside, err)
		}
		count++
		head = Sum(line)
	}
	return count, head, nil
}
