package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"fairlead/internal/fault"
	"fairlead/internal/wire"
)

// Options describe a host. Env is the environment of the ssh (or sh) process on this machine; nil means this process's
// own.
type Options struct {
	Address        Address
	SSH            SSH
	Agents         Agents
	Mode           Mode
	AgentDirectory string // absolute on the host; "$HOME/.fairlead/agents" when empty
	Env            []string
}

// A Host is one machine. It connects when it is first asked, keeps the one connection, and connects again after a loss.
// It is safe for use by several goroutines. Close it.
type Host struct {
	o  Options
	mu sync.Mutex // guards c, and each exchange with the bootstrap
	c  *conn
	n  Traffic
}

// Traffic counts what was needed so far.
type Traffic struct{ Connections, Exchanges int }

// New makes a host; nothing is connected yet.
func New(o Options) *Host { return &Host{o: o} }

// Name is what people call the host.
func (h *Host) Name() string { return h.o.Address.Name() }

// Address gives the host's address.
func (h *Host) Address() Address { return h.o.Address }

// Traffic gives the connections and exchanges so far.
func (h *Host) Traffic() Traffic {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n
}

// Close ends the connection. What runs detached on the host goes on. The host may be used again.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop()
	return nil
}

func (h *Host) drop() {
	if h.c == nil {
		return
	}
	h.c.close()
	h.c = nil
}

// Run runs commands that look, in order, as one exchange: through the bootstrap, or through the agent where it speaks
// already. Errors match ErrUnreachable, ErrHostKey, ErrDenied, or are the context's.
func (h *Host) Run(ctx context.Context, commands ...wire.Command) ([]wire.Answer, error) {
	h.mu.Lock()
	if err := h.connect(ctx); err != nil {
		h.mu.Unlock()
		return nil, err
	}
	if h.c.mux == nil {
		defer h.mu.Unlock()
		h.n.Exchanges++
		answers, err := h.c.run(ctx, commands)
		if err != nil {
			h.drop()
			return nil, h.lost(ctx, err)
		}
		return answers, nil
	}
	h.mu.Unlock()
	return Call[[]wire.Answer](ctx, h, wire.OpRun, commands)
}

// Call asks the agent for one thing and reads its answer; the agent is brought onto the host first where it is not
// there. Errors are a *wire.Error (what the agent said), match ErrUnreachable (it is then not known whether the request
// was carried out), ErrHostKey, ErrDenied, ErrNoAgent, or are the context's.
func Call[Out any](ctx context.Context, h *Host, op wire.Op, in any) (Out, error) {
	return Stream[Out, json.RawMessage](ctx, h, op, in, nil)
}

// Stream is Call for an operation that says more before its answer; more hears it in order.
func Stream[Out, More any](ctx context.Context, h *Host, op wire.Op, in any, more func(More) error) (Out, error) {
	var out Out
	m, err := h.agent(ctx)
	if err != nil {
		return out, err
	}
	hear := func(raw json.RawMessage) error {
		if more == nil {
			return nil
		}
		v, err := wire.Decode[More](raw)
		if err != nil {
			return err
		}
		return more(v)
	}
	resp, err := m.call(ctx, op, in, nil, hear)
	if err != nil {
		return out, h.cut(ctx, m, err)
	}
	return wire.Decode[Out](resp.Body)
}

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
	resp, err := m.call(ctx, op, in, data, nil)
	if err != nil {
		return out, nil, h.cut(ctx, m, err)
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

// Ready tells whether the agent speaks, or is on the host already and speaks from now on. It brings nothing onto the
// host. For reading, an agent that this program does not carry is as good as one that is not there.
func (h *Host) Ready(ctx context.Context) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.connect(ctx); err != nil {
		return false, err
	}
	if h.c.mux != nil || h.c.lacks {
		return h.c.mux != nil, nil
	}
	h.n.Exchanges++
	err := h.c.handOver(ctx, h.o, false)
	if err == nil {
		return true, nil
	}
	if errors.Is(err, ErrNoAgent) {
		h.c.lacks = true
		return false, nil
	}
	h.drop()
	return false, h.lost(ctx, err)
}

// agent gives the agent's end of the connection.
func (h *Host) agent(ctx context.Context) (*mux, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.connect(ctx); err != nil {
		return nil, err
	}
	h.n.Exchanges++
	if h.c.mux != nil {
		return h.c.mux, nil
	}
	h.n.Exchanges++
	if err := h.c.handOver(ctx, h.o, true); err != nil {
		h.drop()
		if _, ok := fault.Find(err); ok {
			return nil, err
		}
		return nil, h.lost(ctx, err)
	}
	return h.c.mux, nil
}

func (h *Host) connect(ctx context.Context) error {
	if h.c != nil && h.c.mux != nil {
		select {
		case <-h.c.mux.done:
			h.drop()
		default:
		}
	}
	if h.c != nil {
		return nil
	}
	c, err := dial(ctx, h.o)
	if err != nil {
		return err
	}
	h.c = c
	h.n.Connections++
	h.n.Exchanges++
	return nil
}

// cut gives up a connection that err tells the end of, and says that an answer is missing; other errors stay as they
// are.
func (h *Host) cut(ctx context.Context, m *mux, err error) error {
	if !errors.Is(err, errCut) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.c != nil && h.c.mux == m {
		h.drop()
	}
	return h.lost(ctx, err)
}

// lost says that an answer is missing.
func (h *Host) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%s: %w: %w", h.Name(), ErrUnreachable, err)
}
