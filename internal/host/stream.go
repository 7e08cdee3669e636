package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"fairlead/internal/wire"
)

// Dial opens a connection as seen from the host, over the one connection that there is to it. Network is "tcp" or
// "unix". It is a net.Conn: when the connection to the host is cut, reading and writing give an error that matches
// ErrUnreachable. Errors of Dial are those of Call; what the host said about the address is a *wire.Error.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	in := wire.Dial{Network: network, Address: address}
	if end, ok := ctx.Deadline(); ok {
		in.Timeout = time.Until(end)
	}
	s, err := h.open(ctx, wire.OpDial, in)
	if err != nil {
		return nil, err
	}
	s.to = farAddress{network, address}
	return s, nil
}

// Exec runs a program on the host, with in as its standard input (nil for none) and its output to out. It returns when
// the program has ended and all its output was passed on; a program that failed is not an error. When ctx ends or out
// fails, the program is killed. An in that is an io.Closer is closed as soon as nothing more is read from it, so that
// it may wait for that. Errors are out's or in's, or those of Call; when the answer is missing it is not known how the
// program ended.
func (h *Host) Exec(ctx context.Context, e wire.Exec, in io.Reader, out io.Writer) (wire.Ended, error) {
	s, err := h.open(ctx, wire.OpExec, e)
	if err != nil {
		return wire.Ended{}, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { s.fail(context.Cause(ctx)) })()
	var fed sync.WaitGroup
	var failed error
	r := &reader{r: in}
	fed.Go(func() {
		if in != nil {
			if _, err := io.Copy(s, r); r.err != nil && err != nil {
				failed = r.err
				s.fail(r.err)
				return
			}
		}
		s.endWriting()
	})
	_, err = io.Copy(out, s)
	if err != nil {
		s.fail(err)
	}
	s.finishWriting()
	r.over.Store(true)
	if in, ok := in.(io.Closer); ok {
		in.Close()
	}
	fed.Wait()
	if err := errors.Join(failed, err); err != nil {
		if errors.Is(err, errCut) {
			return wire.Ended{}, h.lost(ctx, err)
		}
		return wire.Ended{}, err
	}
	if len(s.last()) == 0 {
		return wire.Ended{}, fmt.Errorf("%s: the host does not say how the program ended", e.Argv)
	}
	return wire.Decode[wire.Ended](s.last())
}

// reader tells an error of the reader itself from one of the writer. Once it is over, nobody needs it, and no error is
// one.
type reader struct {
	r    io.Reader
	err  error
	over atomic.Bool
}

// Read reads on.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && r.over.Load() {
		return n, io.EOF
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// open asks for a stream and waits until it is open. A connection that turns out to be dead is made anew, once: nothing
// has happened on it yet.
func (h *Host) open(ctx context.Context, op wire.Op, in any) (*Channel, error) {
	for try := 0; ; try++ {
		m, err := h.agent(ctx)
		if err != nil {
			return nil, err
		}
		s, err := m.open(ctx, op, in)
		if !errors.Is(err, errCut) {
			return s, err
		}
		err = h.cut(ctx, m, err)
		if try > 0 || op != wire.OpDial || ctx.Err() != nil {
			return nil, err
		}
	}
}

// open sends the request of a stream.
func (m *mux) open(ctx context.Context, op wire.Op, in any) (*Channel, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", op, err)
	}
	s := &Channel{m: m, credit: wire.StreamWindow}
	s.moved = sync.NewCond(&s.mu)
	s.id = m.begin(nil)
	m.mu.Lock()
	if m.err != nil {
		defer m.mu.Unlock()
		return nil, m.err
	}
	m.streams[s.id] = s
	m.mu.Unlock()
	if err := m.send(ctx, wire.Request{ID: s.id, Op: op, Body: raw}); err != nil {
		m.forget(s.id)
		return nil, err
	}
	stop := context.AfterFunc(ctx, s.wake)
	defer stop()
	s.mu.Lock()
	for !s.opened && !s.over && ctx.Err() == nil {
		s.moved.Wait()
	}
	opened, over, err := s.opened, s.over, s.err
	s.mu.Unlock()
	switch {
	case opened:
		return s, nil
	case over && err != nil:
		return nil, err
	case over:
		return nil, fmt.Errorf("%s: the host ended it before it began", op)
	}
	s.Close()
	return nil, ctx.Err()
}

func (m *mux) forget(id uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.streams, id)
}

// A Channel carries bytes to and from something on a host. It is a net.Conn.
type Channel struct {
	m  *mux
	id uint64
	to farAddress

	mu     sync.Mutex
	moved  *sync.Cond
	opened bool
	in     [][]byte
	held   int
	taken  int // read by the caller, and not yet said to the host
	credit int
	over   bool // nothing more will come
	closed bool
	silent bool // nothing more will be written
	err    error
	body   json.RawMessage
	readBy deadline
	sendBy deadline
}

var _ net.Conn = (*Channel)(nil)

// wake lets everybody who waits look again.
func (s *Channel) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved.Broadcast()
}

// hear takes one response; it never waits.
func (s *Channel) hear(resp wire.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case resp.Err != nil:
		s.over, s.err = true, resp.Err
	case !resp.More:
		s.over, s.body = true, resp.Body
	case resp.Data != nil:
		if s.held += len(resp.Data); s.held <= wire.StreamWindow {
			s.in = append(s.in, resp.Data)
		} else {
			s.over, s.err = true, errors.New("the host sent more than it may")
		}
	case len(resp.Body) > 0:
		if c, err := wire.Decode[wire.Credit](resp.Body); err == nil && c.Bytes > 0 {
			s.credit = min(s.credit+c.Bytes, wire.StreamWindow)
		}
	default:
		s.opened = true
	}
	s.moved.Broadcast()
}

// fail ends it for whoever waits.
func (s *Channel) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.over, s.err, s.in = true, err, nil
	}
	s.moved.Broadcast()
}

func (s *Channel) last() json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.body
}

// Read gives what came; io.EOF when the other end said that this was all.
func (s *Channel) Read(p []byte) (int, error) {
	n, credit, err := s.take(p)
	if credit > 0 {
		b, _ := json.Marshal(wire.Credit{Bytes: credit})
		// a cut is told to the reader
		_ = s.m.send(context.Background(), wire.Request{ID: s.id, Op: wire.OpStreamCredit, Body: b})
	}
	return n, err
}

func (s *Channel) take(p []byte) (n, credit int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.in) == 0 && !s.over && !s.closed && !s.readBy.passed() {
		s.moved.Wait()
	}
	switch {
	case s.closed:
		return 0, 0, net.ErrClosed
	case s.readBy.passed():
		return 0, 0, os.ErrDeadlineExceeded
	case len(s.in) == 0 && s.err != nil:
		return 0, 0, s.err
	case len(s.in) == 0:
		return 0, 0, io.EOF
	}
	n = copy(p, s.in[0])
	if s.in[0] = s.in[0][n:]; len(s.in[0]) == 0 {
		s.in = s.in[1:]
	}
	s.held -= n
	if s.taken += n; s.taken >= wire.StreamWindow/4 {
		credit, s.taken = s.taken, 0
	}
	return n, credit, nil
}

// Write sends; it waits while the other end does not read.
func (s *Channel) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		room, by, err := s.room(min(len(p)-sent, wire.StreamChunk))
		if err != nil {
			return sent, err
		}
		ctx, cancel := by.context()
		err = s.m.send(ctx, wire.Request{ID: s.id, Op: wire.OpStreamData, Data: p[sent : sent+room]})
		cancel()
		if err != nil {
			return sent, err
		}
		sent += room
	}
	return sent, nil
}

func (s *Channel) room(want int) (int, deadline, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.credit == 0 && !s.over && !s.closed && !s.silent && !s.sendBy.passed() {
		s.moved.Wait()
	}
	switch {
	case s.closed || s.silent:
		return 0, s.sendBy, net.ErrClosed
	case s.sendBy.passed():
		return 0, s.sendBy, os.ErrDeadlineExceeded
	case s.over && s.err != nil:
		return 0, s.sendBy, s.err
	case s.over:
		return 0, s.sendBy, io.ErrClosedPipe
	}
	room := min(want, s.credit)
	s.credit -= room
	return room, s.sendBy, nil
}

// endWriting says that no more will come.
func (s *Channel) endWriting() {
	_ = s.m.send(context.Background(), wire.Request{ID: s.id, Op: wire.OpStreamEnd})
}

// finishWriting lets writers go that wait for an end that will not read any more.
func (s *Channel) finishWriting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = true
	s.moved.Broadcast()
}

// Close ends the stream at once on both sides.
func (s *Channel) Close() error {
	s.mu.Lock()
	was, over := s.closed, s.over
	s.closed = true
	s.readBy.stop()
	s.sendBy.stop()
	s.moved.Broadcast()
	s.mu.Unlock()
	if was {
		return nil
	}
	s.m.forget(s.id)
	if !over || s.err != nil {
		s.m.cancel(context.Background(), s.id)
	}
	return nil
}

// SetDeadline limits reading and writing.
func (s *Channel) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// SetReadDeadline limits reading; the zero time lifts the limit.
func (s *Channel) SetReadDeadline(t time.Time) error { return s.limit(&s.readBy, t) }

// SetWriteDeadline limits writing; the zero time lifts the limit.
func (s *Channel) SetWriteDeadline(t time.Time) error { return s.limit(&s.sendBy, t) }

func (s *Channel) limit(d *deadline, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.set(t, s.wake)
	return nil
}

// LocalAddr is the far end too: there is no address on this side.
func (s *Channel) LocalAddr() net.Addr { return s.to }

// RemoteAddr is the address as seen from the host.
func (s *Channel) RemoteAddr() net.Addr { return s.to }

// farAddress is an address as seen from a host.
type farAddress struct{ network, address string }

// Network gives "tcp" or "unix".
func (a farAddress) Network() string { return a.network }

// String gives the address.
func (a farAddress) String() string { return a.address }

// deadline is a limit in time that wakes whoever waits.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) set(at time.Time, wake func()) {
	d.stop()
	d.at = at
	if !at.IsZero() {
		d.timer = time.AfterFunc(max(time.Until(at), 0), wake)
	}
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

func (d deadline) context() (context.Context, context.CancelFunc) {
	if d.at.IsZero() {
		return context.WithCancel(context.Background())
	}
	return context.WithDeadline(context.Background(), d.at)
}
