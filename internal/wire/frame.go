package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxFrame is the longest frame in bytes that is written or read.
const MaxFrame = 32 << 20

// MaxBlob is the largest piece of content, in bytes, that one message carries.
const MaxBlob = 16 << 20

// ErrFrame is given for a frame that is longer than MaxFrame or is not JSON.
var ErrFrame = errors.New("a malformed frame")

// WriteFrame writes v as a frame: the length of its JSON in four bytes, big-endian, and the JSON.
func WriteFrame(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	if len(b) > MaxFrame {
		return fmt.Errorf("%w: %d bytes are too many", ErrFrame, len(b))
	}
	out := make([]byte, 4, 4+len(b))
	binary.BigEndian.PutUint32(out, uint32(len(b)))
	if _, err := w.Write(append(out, b...)); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

// ReadFrame reads one frame into v. It gives io.EOF when nothing follows, and never takes more memory than was really sent.
func ReadFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("read frame: %w", err)
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if n > MaxFrame {
		return fmt.Errorf("%w: %d bytes are announced", ErrFrame, n)
	}
	b, err := io.ReadAll(io.LimitReader(r, n))
	if err != nil {
		return fmt.Errorf("read frame: %w", err)
	}
	if int64(len(b)) < n {
		return fmt.Errorf("read frame: %w", io.ErrUnexpectedEOF)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %v", ErrFrame, err)
	}
	return nil
}
