package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"sync"

	"fairlead/internal/objectdir"
	"fairlead/internal/wire"
)

// carrying is an answer with bytes beside it.
type carrying struct {
	body any
	data []byte
}

// maxPartials is how many files one connection may have begun at a time.
const maxPartials = 16

// objects are the files that one connection has begun.
type objects struct {
	mu    sync.Mutex
	begun map[int64]*begun
}

// begun is one of them. What is asked of it is done one after the other.
type begun struct {
	mu   sync.Mutex
	p    *objectdir.Partial
	back *os.File // once it was read back
}

// close removes what nobody committed.
func (s *objects) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.begun {
		b.mu.Lock()
		_ = b.end()
		b.mu.Unlock()
	}
	s.begun = nil
}

func (b *begun) end() error {
	if b.back != nil {
		b.back.Close()
	}
	return b.p.Abort()
}

// do is the table of operations on objects; known is false for others.
func (s *objects) do(req wire.Request) (out any, known bool, err error) {
	switch req.Op {
	case wire.OpObjectLook:
		out, err = with(req, look)
	case wire.OpObjectBegin:
		out, err = with(req, s.start)
	case wire.OpObjectWrite:
		out, err = with(req, func(in wire.ObjectPartial) (any, error) { return nil, s.write(in, req.Data) })
	case wire.OpObjectCommit:
		out, err = with(req, func(in wire.ObjectPartial) (any, error) { return nil, s.commit(in) })
	case wire.OpObjectAbort:
		out, err = with(req, func(in wire.ObjectPartial) (any, error) { return nil, s.abort(in) })
	case wire.OpObjectRead:
		out, err = with(req, s.read)
	case wire.OpObjectList:
		out, err = with(req, func(in wire.ObjectDir) (any, error) { return files(in, objectdir.Dir.List) })
	case wire.OpObjectSweep:
		out, err = with(req, func(in wire.ObjectSweep) (any, error) {
			return files(in.ObjectDir, func(d objectdir.Dir) ([]objectdir.File, error) {
				return d.Sweep(in.Before, in.Dry)
			})
		})
	case wire.OpObjectRemove:
		out, err = with(req, func(in wire.ObjectName) (any, error) {
			d, err := dirOf(in.ObjectDir)
			if err == nil {
				err = d.Remove(in.Name)
			}
			return nil, err
		})
	default:
		return nil, false, nil
	}
	return out, true, objectError(err)
}

func dirOf(s wire.ObjectDir) (objectdir.Dir, error) {
	if err := s.Validate(); err != nil {
		return objectdir.Dir{}, wire.Fail(wire.CodeBadRequest, err.Error(), nil)
	}
	return objectdir.Dir{Path: s.Directory, Group: true}, nil
}

// objectError gives errors of objects their codes.
func objectError(err error) error {
	for sentinel, code := range map[error]wire.Code{objectdir.ErrExists: wire.CodeExists,
		objectdir.ErrMissing: wire.CodeMissing, objectdir.ErrFull: wire.CodeFull,
		objectdir.ErrName: wire.CodeBadRequest} {
		if errors.Is(err, sentinel) && !(code == wire.CodeBadRequest && errors.Is(err, objectdir.ErrMissing)) {
			return wire.Fail(code, err.Error(), nil)
		}
	}
	return err
}

func look(in wire.ObjectLook) (any, error) {
	d, err := dirOf(in.ObjectDir)
	if err != nil {
		return nil, err
	}
	var room wire.ObjectRoom
	if err := d.Writable(); err != nil {
		room.Why = err.Error()
		return room, nil
	}
	if room.Free, err = d.Free(); err != nil {
		return nil, err
	}
	for _, path := range in.Beside {
		if d.SameDisk(path) {
			room.Beside = append(room.Beside, path)
		}
	}
	return room, nil
}

func files(s wire.ObjectDir, list func(objectdir.Dir) ([]objectdir.File, error)) (any, error) {
	d, err := dirOf(s)
	if err != nil {
		return nil, err
	}
	all, err := list(d)
	out := wire.Objects{}
	for _, f := range all {
		out.Files = append(out.Files, wire.Object(f))
	}
	return out, err
}

func (s *objects) start(in wire.ObjectName) (any, error) {
	d, err := dirOf(in.ObjectDir)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.begun) >= maxPartials {
		return nil, fmt.Errorf("%d files are begun already", maxPartials)
	}
	p, err := d.Begin(in.Name)
	if err != nil {
		return nil, err
	}
	if s.begun == nil {
		s.begun = map[int64]*begun{}
	}
	id := rand.Int64N(math.MaxInt64) + 1 // another connection's are unknown here
	s.begun[id] = &begun{p: p}
	return wire.ObjectPartial{ID: id}, nil
}

// partial gives a file that was begun, held for the caller, who unlocks it.
func (s *objects) partial(id int64) (*begun, error) {
	s.mu.Lock()
	b := s.begun[id]
	s.mu.Unlock()
	if b == nil {
		return nil, wire.Fail(wire.CodeGone, "the file was begun on another connection, or is ended", nil)
	}
	b.mu.Lock()
	return b, nil
}

func (s *objects) forget(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.begun, id)
}

func (s *objects) write(in wire.ObjectPartial, data []byte) error {
	b, err := s.partial(in.ID)
	if err != nil {
		return err
	}
	defer b.mu.Unlock()
	if _, size := b.p.Sum(); size != in.Offset {
		return fmt.Errorf("the file has %d bytes, these are to follow %d", size, in.Offset)
	}
	_, err = b.p.Write(data)
	return err
}

func (s *objects) commit(in wire.ObjectPartial) error {
	b, err := s.partial(in.ID)
	if err != nil {
		return err
	}
	defer b.mu.Unlock()
	back, err := b.p.Reread()
	if err != nil {
		return err
	}
	defer back.Close()
	h := sha256.New()
	n, err := io.Copy(h, back)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != in.Size || got != in.SHA256 {
		return fmt.Errorf("on the disk are %d bytes with the sha256 %.12s…, sent were %d with %.12s…", n, got, in.Size,
			in.SHA256)
	}
	if err := b.p.Commit(); err != nil {
		return err
	}
	s.forget(in.ID)
	return b.end()
}

func (s *objects) abort(in wire.ObjectPartial) error {
	b, err := s.partial(in.ID)
	if err != nil {
		return nil // it is gone
	}
	defer b.mu.Unlock()
	s.forget(in.ID)
	return b.end()
}

func (s *objects) read(in wire.ObjectRead) (any, error) {
	if in.ID != 0 {
		b, err := s.partial(in.ID)
		if err != nil {
			return nil, err
		}
		defer b.mu.Unlock()
		if b.back == nil {
			if b.back, err = b.p.Reread(); err != nil {
				return nil, err
			}
		}
		return piece(b.back, in.Offset)
	}
	d, err := dirOf(in.ObjectDir)
	if err != nil {
		return nil, err
	}
	f, err := d.Open(in.Name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return piece(f, in.Offset)
}

func piece(f *os.File, offset int64) (any, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > st.Size() {
		return nil, wire.Fail(wire.CodeBadRequest,
			fmt.Sprintf("the file has %d bytes, asked for are those after %d", st.Size(), offset), nil)
	}
	data := make([]byte, min(wire.ObjectChunk, st.Size()-offset))
	if _, err := f.ReadAt(data, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read: %w", err)
	}
	return carrying{wire.ObjectPiece{Size: st.Size()}, data}, nil
}
