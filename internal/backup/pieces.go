package backup

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Pieces is for stores that send: it cuts what is written into pieces of one size and sends each while the next is
// filled. One is on its way at a time, so that at most two are in memory. It is used from one goroutine.
type Pieces struct {
	size  int
	send  func(ctx context.Context, number int, piece []byte) error
	ctx   context.Context
	group *errgroup.Group
	sent  int
	piece []byte
	// the piece that was sent last: its memory is used again
	before []byte
}

// NewPieces sends pieces of size bytes (the last one may have less), numbered from 0 and one after the other, until ctx
// ends.
func NewPieces(ctx context.Context, size int, send func(ctx context.Context, number int, piece []byte) error) *Pieces {
	p := &Pieces{size: size, send: send}
	p.group, p.ctx = errgroup.WithContext(ctx)
	p.group.SetLimit(1)
	return p
}

// Write fills pieces. Where one could not be sent, the next Write that would send another fails.
func (p *Pieces) Write(b []byte) (int, error) {
	n := 0
	for len(b) > 0 {
		if len(p.piece) == p.size {
			if err := p.next(); err != nil {
				return n, err
			}
		}
		take := min(len(b), p.size-len(p.piece))
		p.piece = append(grow(p.piece, take, p.size), b[:take]...)
		b, n = b[take:], n+take
	}
	return n, nil
}

// grow makes room for n bytes, doubling up to a whole piece, so that what is small stays small.
func grow(b []byte, n, most int) []byte {
	if len(b)+n <= cap(b) {
		return b
	}
	bigger := make([]byte, len(b), min(max(len(b)+n, 2*cap(b), 64<<10), most))
	copy(bigger, b)
	return bigger
}

// next sends what is filled, once the piece before it was answered, and fills the memory of that one.
func (p *Pieces) next() error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	number, full := p.sent, p.piece
	p.group.Go(func() error { return p.send(p.ctx, number, full) })
	p.sent++
	p.piece, p.before = p.before[:0], full
	return nil
}

// Small gives all that was written, as long as nothing was sent.
func (p *Pieces) Small() (content []byte, ok bool) { return p.piece, p.sent == 0 }

// Flush sends what is left and waits for all answers. Nothing can be written after it; it may be repeated.
func (p *Pieces) Flush() error {
	if len(p.piece) > 0 {
		if err := p.next(); err != nil {
			return err
		}
	}
	return p.Wait()
}

// Wait waits until nothing is on its way and gives the first error. Nothing can be written after it.
func (p *Pieces) Wait() error { return p.group.Wait() }
