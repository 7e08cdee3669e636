package chain

import (
	"fmt"
	"iter"
)

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
