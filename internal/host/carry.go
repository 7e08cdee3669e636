package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"fairlead/internal/wire"
)

// Carry is Call with bytes beside the request and beside the answer. It asks on the connection that there is; where
// fresh is false and that one is gone, the error matches ErrUnreachable and no other is made: what was begun on it is
// gone with it.
func Carry[Out any](ctx context.Context, h *Host, op wire.Op, in any, data []byte, fresh bool) (Out, []byte, error) {
	var out Out
	if err := ctx.Err(); err != nil {
		return out, nil, err // sending would cut the connection, which others use
	}
	m, err := h.speaking(ctx, fresh)
	if err != nil {
		return out, nil, err
	}
	resp, err := m.carry(ctx, op, in, data)
	if errors.Is(err, errCut) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.c != nil && h.c.mux == m {
			h.drop()
		}
		return out, nil, h.lost(ctx, err)
	}
	if err != nil {
		return out, nil, err
	}
	out, err = wire.Decode[Out](resp.Body)
	return out, resp.Data, err
}

// speaking gives the agent's end of the connection, of the one that there is when fresh is false.
func (h *Host) speaking(ctx context.Context, fresh bool) (*mux, error) {
	if fresh {
		return h.agent(ctx)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.c == nil || h.c.mux == nil {
		return nil, h.lost(ctx, errCut)
	}
	h.n.Exchanges++
	return h.c.mux, nil
}

// carry sends one request with bytes and waits for its only response.
func (m *mux) carry(ctx context.Context, op wire.Op, body any, data []byte) (wire.Response, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return wire.Response{}, fmt.Errorf("encode %s: %w", op, err)
	}
	ch := make(chan wire.Response, 1)
	id := m.begin(ch)
	defer m.end(id, ch)
	if err := m.send(ctx, wire.Request{ID: id, Op: op, Body: raw, Data: data}); err != nil {
		return wire.Response{}, err
	}
	resp, err := m.next(ctx, ch)
	if err != nil {
		return wire.Response{}, err
	}
	if resp.Err != nil {
		return wire.Response{}, resp.Err
	}
	return resp, nil
}
