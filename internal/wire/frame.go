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

// ErrFrame is given for a frame that is longer than MaxFrame or is not what a frame is made of.
var ErrFrame = errors.New("a malformed frame")

// carrying marks the length of a frame whose JSON is followed by bytes as they are.
const carrying = 1 << 31

// carrier is a message that may carry bytes beside its JSON, and taker the same to be filled in.
type (
	carrier interface{ carried() []byte }
	taker   interface{ take(data []byte) }
)

// WriteFrame writes v as a frame: the length of its JSON in four bytes, big-endian, and the JSON. A message with Data
// is written with the highest bit of the length set, then the length of its JSON, the JSON, and the bytes.
func WriteFrame(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	var data []byte
	if c, ok := v.(carrier); ok {
		data = c.carried()
	}
	n := len(b)
	if data != nil {
		n += 4 + len(data)
	}
	if n > MaxFrame {
		return fmt.Errorf("%w: %d bytes are too many", ErrFrame, n)
	}
	out := make([]byte, 0, 4+n)
	if data == nil {
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	} else {
		out = binary.BigEndian.AppendUint32(out, uint32(n)|carrying)
		out = binary.BigEndian.AppendUint32(out, uint32(len(b)))
	}
	if _, err := w.Write(append(append(out, b...), data...)); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

// ReadFrame reads one frame into v. It gives io.EOF when nothing follows, and never takes more memory than was really
// sent.
func ReadFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("read frame: %w", err)
	}
	word := binary.BigEndian.Uint32(head[:])
	n := int64(word &^ carrying)
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
	var data []byte
	if word&carrying != 0 {
		if b, data, err = split(b); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %v", ErrFrame, err)
	}
	if t, ok := v.(taker); ok {
		t.take(data)
	}
	return nil
}

// split parts the JSON of a frame from the bytes that it carries.
func split(b []byte) (text, data []byte, err error) {
	if len(b) < 4 {
		return nil, nil, fmt.Errorf("%w: it is too short", ErrFrame)
	}
	n := int64(binary.BigEndian.Uint32(b))
	if n > int64(len(b)-4) {
		return nil, nil, fmt.Errorf("%w: %d bytes of JSON are announced", ErrFrame, n)
	}
	return b[4 : 4+n : 4+n], b[4+n:], nil
}
