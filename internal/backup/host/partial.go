package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/host"
	"fairlead/internal/wire"
)

// How long the host may take for one piece, and for an abort.
const (
	answerLimit = 2 * time.Minute
	tidyLimit   = 15 * time.Second
)

// partial is an object being written. The host holds it for one connection and removes it when that is gone.
type partial struct {
	*backup.Pieces
	s *Store
	// of Put
	ctx    context.Context
	name   string
	id     int64
	sum    hash.Hash
	size   int64
	reread bool
	done   bool
}

// Put begins an object. It refuses a name that is taken and a disk that is nearly full.
func (s *Store) Put(ctx context.Context, name string) (backup.Partial, error) {
	if err := backup.CheckName(name); err != nil {
		return nil, err
	}
	room, err := call[wire.ObjectRoom](ctx, s, wire.OpObjectLook, wire.ObjectLook{ObjectDir: s.objects})
	if err != nil {
		return nil, err
	}
	if room.Why == "" {
		if err := backup.CheckSpace(s.Location(), room.Free, s.minFree); err != nil {
			return nil, err
		}
	}
	begun, err := call[wire.ObjectPartial](ctx, s, wire.OpObjectBegin,
		wire.ObjectName{ObjectDir: s.objects, Name: name})
	if err != nil {
		return nil, err
	}
	p := &partial{s: s, ctx: ctx, name: name, id: begun.ID, sum: sha256.New()}
	p.Pieces = backup.NewPieces(ctx, wire.ObjectChunk, p.send)
	return p, nil
}

// exchange is one question about this object and its answer, on the connection that it was begun on.
func exchange[Out any](ctx context.Context, p *partial, op wire.Op, in any, data []byte) (Out, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	out, back, err := host.Carry[Out](ctx, p.s.host, op, in, data, false)
	if wire.CodeOf(err) == wire.CodeGone {
		err = fmt.Errorf("the connection on which it was begun is gone: %w", err)
	}
	return out, back, p.s.storeError(err)
}

func (p *partial) Write(b []byte) (int, error) {
	if p.reread {
		return 0, backup.ErrReread
	}
	n, err := p.Pieces.Write(b)
	p.sum.Write(b[:n])
	p.size += int64(n)
	return n, err
}

func (p *partial) send(ctx context.Context, number int, piece []byte) error {
	at := wire.ObjectPartial{ID: p.id, Offset: int64(number) * wire.ObjectChunk}
	if _, _, err := exchange[struct{}](ctx, p, wire.OpObjectWrite, at, piece); err != nil {
		return fmt.Errorf("write %s: %w", p.name, err)
	}
	return nil
}

// flush sends what is left and waits for its answer.
func (p *partial) flush() error {
	if p.done {
		return fmt.Errorf("%s is ended", p.name)
	}
	return p.Flush()
}

func (p *partial) Reread(ctx context.Context) (io.ReadCloser, error) {
	p.reread = true
	if err := p.flush(); err != nil {
		return nil, err
	}
	return &reader{size: -1, next: func(at int64) (wire.ObjectPiece, []byte, error) {
		return exchange[wire.ObjectPiece](ctx, p, wire.OpObjectRead, wire.ObjectRead{ID: p.id, Offset: at}, nil)
	}}, nil
}

// Commit lets the host read back what is on its disk, compare it with what was sent, and give it its name.
func (p *partial) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.flush(); err != nil {
		return err
	}
	in := wire.ObjectPartial{ID: p.id, Size: p.size, SHA256: hex.EncodeToString(p.sum.Sum(nil))}
	// the host reads it whole: no limit but the context's
	_, _, err := host.Carry[struct{}](ctx, p.s.host, wire.OpObjectCommit, in, nil, false)
	err = p.s.storeError(err)
	if errors.Is(err, host.ErrUnreachable) && p.stands(ctx, in) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("commit %s: %w", p.name, err)
	}
	p.done = true
	return nil
}

// stands asks, after a lost answer, whether the object stands. It can only be ours, or somebody else's of the same
// content.
func (p *partial) stands(ctx context.Context, in wire.ObjectPartial) bool {
	r, err := p.s.Open(ctx, p.name)
	if err != nil {
		return false
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, r)
	return err == nil && n == in.Size && hex.EncodeToString(h.Sum(nil)) == in.SHA256
}

// Abort removes the object; after Commit it does nothing. Where the connection is gone the host has removed it already.
func (p *partial) Abort() error {
	if p.done {
		return nil
	}
	_ = p.Wait()
	p.done = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), tidyLimit)
	defer cancel()
	_, _, err := host.Carry[struct{}](ctx, p.s.host, wire.OpObjectAbort, wire.ObjectPartial{ID: p.id}, nil, false)
	if errors.Is(err, host.ErrUnreachable) {
		return nil
	}
	return p.s.storeError(err)
}

// Open reads a visible object.
func (s *Store) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := backup.CheckName(name); err != nil {
		return nil, backup.As(backup.ErrMissing, err)
	}
	r := &reader{size: -1, next: func(at int64) (wire.ObjectPiece, []byte, error) {
		ctx, cancel := context.WithTimeout(ctx, answerLimit)
		defer cancel()
		piece, data, err := host.Carry[wire.ObjectPiece](ctx, s.host, wire.OpObjectRead,
			wire.ObjectRead{ObjectName: wire.ObjectName{ObjectDir: s.objects, Name: name}, Offset: at}, nil, true)
		return piece, data, s.storeError(err)
	}}
	if err := r.fill(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return r, nil
}

// reader reads piece by piece. A file that changes its size meanwhile is an error.
type reader struct {
	next func(at int64) (wire.ObjectPiece, []byte, error)
	at   int64
	// -1 before the first piece
	size int64
	data []byte
}

func (r *reader) fill() error {
	if r.size >= 0 && r.at >= r.size {
		return io.EOF
	}
	piece, data, err := r.next(r.at)
	switch {
	case err != nil:
		return err
	case r.size >= 0 && piece.Size != r.size:
		return fmt.Errorf("%w: it had %d bytes and has %d now", backup.ErrChanged, r.size, piece.Size)
	case len(data) == 0 && r.at < piece.Size:
		return io.ErrUnexpectedEOF
	}
	r.size, r.data = piece.Size, data
	r.at += int64(len(data))
	if len(data) == 0 {
		return io.EOF
	}
	return nil
}

func (r *reader) Read(b []byte) (int, error) {
	if len(r.data) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.data)
	r.data = r.data[n:]
	return n, nil
}

func (r *reader) Close() error { return nil }
