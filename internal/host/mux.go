package host

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"fairlead/internal/wire"
)

// errCut is what waits for answers get when the connection ends.
var errCut = errors.New("the connection ended")

// mux lets several requests wait on one agent connection. Its reader ends with the connection, and done says so.
type mux struct {
	w    io.Writer
	kill func()
	done chan struct{}

	writing sync.Mutex
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan wire.Response
	streams map[uint64]*Channel
	err     error
}

func newMux(w io.Writer, r *bufio.Reader, kill func()) *mux {
	m := &mux{w: w, kill: kill, done: make(chan struct{}), waiting: map[uint64]chan wire.Response{},
		streams: map[uint64]*Channel{}}
	go m.read(r)
	return m
}

func (m *mux) read(r *bufio.Reader) {
	defer close(m.done)
	for {
		var resp wire.Response
		if err := wire.ReadFrame(r, &resp); err != nil {
			m.mu.Lock()
			m.err = fmt.Errorf("%w: %w", errCut, noEOF(err))
			cut := m.streams
			m.streams = map[uint64]*Channel{}
			m.mu.Unlock()
			for _, s := range cut {
				s.fail(fmt.Errorf("%w: %w", ErrUnreachable, m.err))
			}
			m.kill()
			return
		}
		m.mu.Lock()
		ch, stream := m.waiting[resp.ID], m.streams[resp.ID]
		m.mu.Unlock()
		if stream != nil {
			stream.hear(resp)
		}
		if ch != nil {
			ch <- resp
		}
	}
}

// call sends one request, with bytes where data is not nil, and waits for its last response; more hears those before
// it. Without more the host is not told when nobody waits any longer.
func (m *mux) call(ctx context.Context, op wire.Op, body any, data []byte,
	more func(json.RawMessage) error) (wire.Response, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return wire.Response{}, fmt.Errorf("encode %s: %w", op, err)
	}
	ch := make(chan wire.Response, 64)
	id := m.begin(ch)
	defer m.end(id, ch)
	if err := m.send(ctx, wire.Request{ID: id, Op: op, Body: raw, Data: data}); err != nil {
		return wire.Response{}, err
	}
	for {
		resp, err := m.next(ctx, ch)
		switch {
		case err != nil:
			if ctx.Err() != nil && more != nil {
				m.cancel(context.WithoutCancel(ctx), id)
			}
			return wire.Response{}, err
		case resp.Err != nil:
			return wire.Response{}, resp.Err
		case !resp.More || more == nil:
			return resp, nil
		}
		if err := more(resp.Body); err != nil {
			return wire.Response{}, err
		}
	}
}

func (m *mux) next(ctx context.Context, ch chan wire.Response) (wire.Response, error) {
	select {
	case resp := <-ch:
		return resp, nil
	default:
	}
	select {
	case resp := <-ch:
		return resp, nil
	case <-ctx.Done():
		return wire.Response{}, ctx.Err()
	case <-m.done:
		select {
		case resp := <-ch:
			return resp, nil
		default:
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		return wire.Response{}, m.err
	}
}

// begin gives an id and, when ch is not nil, a place to hear its responses.
func (m *mux) begin(ch chan wire.Response) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	if ch != nil {
		m.waiting[m.last] = ch
	}
	return m.last
}

// end forgets a request; the reader may be about to hand over one more response, which is drained.
func (m *mux) end(id uint64, ch chan wire.Response) {
	m.mu.Lock()
	delete(m.waiting, id)
	m.mu.Unlock()
	for {
		select {
		case <-ch:
		default:
			return
		}
	}
}

func (m *mux) send(ctx context.Context, r wire.Request) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	stop := context.AfterFunc(ctx, m.kill)
	defer stop()
	if err := wire.WriteFrame(m.w, r); err != nil {
		return fmt.Errorf("%w: %w", errCut, err)
	}
	return nil
}

// cancel ends what a request asked for. A connection that is cut has ended it already.
func (m *mux) cancel(ctx context.Context, id uint64) {
	b, _ := json.Marshal(wire.Cancel{ID: id})
	_ = m.send(ctx, wire.Request{ID: m.begin(nil), Op: wire.OpCancel, Body: b})
}
