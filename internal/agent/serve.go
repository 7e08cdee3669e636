// Package agent is the host's side: a small program that answers framed requests on its standard input, keeps the fence
// and the ledger of the host, and starts rollouts as processes of their own, which go on when the connection is gone.
// It decides nothing about releases. Start with Serve and Runner.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"fairlead/internal/chain"
	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

// ErrUsage is given for arguments that only a person would type.
var ErrUsage = errors.New("fairlead-agent is started by fairlead; there is nothing to type here")

// Main is the agent's program: "version", "serve NONCE" (frames on in and out, after a line with the nonce), "roll
// FOLDER" (the detached process of an attempt). program is the path of its own file.
func Main(ctx context.Context, program, version string, args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "version":
		_, err := fmt.Fprintln(out, version)
		return err
	case len(args) == 2 && args[0] == "serve":
		if _, err := fmt.Fprintf(out, "\n%s %s\n", wire.Magic, args[1]); err != nil {
			return err
		}
		return Server{Program: program, Version: version}.Serve(ctx, in, out)
	case len(args) == 2 && args[0] == "roll":
		return Runner{Program: program}.Run(args[1])
	}
	return ErrUsage
}

// A Server answers requests. Program is the path of the agent's own file, Version what it calls itself.
type Server struct {
	Program string
	Version string
}

// maxBusy is how many requests of one connection are worked on at a time.
const maxBusy = 32

// Serve answers requests until r ends, then stops what is under way and returns. Rollouts that were started go on. It
// returns nil at an orderly end.
func (s Server) Serve(ctx context.Context, r io.Reader, w io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	c := &client{server: s, w: w, running: map[uint64]context.CancelFunc{}, streams: map[uint64]*stream{}}
	slots := make(chan struct{}, maxBusy)
	var all sync.WaitGroup
	defer c.objects.close() // after the last request has ended
	defer all.Wait()
	defer stop()
	for {
		var req wire.Request
		err := wire.ReadFrame(r, &req)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a request: %w", err)
		}
		switch req.Op {
		case wire.OpCancel:
			c.cancel(req)
			continue
		case wire.OpStreamData, wire.OpStreamCredit, wire.OpStreamEnd:
			c.feed(req)
			continue
		case wire.OpDial, wire.OpExec:
			one, through := c.begin(ctx, req.ID), c.open(req.ID)
			all.Go(func() { c.serve(one, through, req) })
			continue
		}
		slots <- struct{}{}
		one := c.begin(ctx, req.ID)
		all.Go(func() {
			defer func() { <-slots }()
			c.answer(one, req)
		})
	}
}

// client is one connection.
type client struct {
	server  Server
	writing sync.Mutex
	w       io.Writer
	mu      sync.Mutex
	running map[uint64]context.CancelFunc
	streams map[uint64]*stream
	objects objects
}

func (c *client) begin(ctx context.Context, id uint64) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[id] = cancel
	return ctx
}

func (c *client) end(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.running[id]; cancel != nil {
		cancel()
		delete(c.running, id)
	}
}

func (c *client) cancel(req wire.Request) {
	if b, err := wire.Decode[wire.Cancel](req.Body); err == nil {
		c.end(b.ID)
	}
}

func (c *client) answer(ctx context.Context, req wire.Request) {
	defer c.end(req.ID)
	say := func(v any) error { return c.send(wire.Response{ID: req.ID, More: true}, v) }
	out, known, err := c.objects.do(req)
	if !known {
		out, err = c.server.do(ctx, req, say)
	}
	resp := wire.Response{ID: req.ID}
	if with, ok := out.(carrying); ok {
		out, resp.Data = with.body, with.data
	}
	if err != nil {
		resp.Err = wireError(err)
		out = nil
	}
	_ = c.send(resp, out) // a client that is gone asks again
}

func (c *client) send(resp wire.Response, body any) error {
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode an answer: %w", err)
		}
		resp.Body = b
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	return wire.WriteFrame(c.w, resp)
}

// do is the table of operations.
func (s Server) do(ctx context.Context, req wire.Request, say func(any) error) (any, error) {
	switch req.Op {
	case wire.OpHello:
		return wire.Hello{Protocol: wire.Protocol, Version: s.Version, OS: runtime.GOOS, Arch: runtime.GOARCH,
			Now: time.Now()}, nil
	case wire.OpRun:
		return with(req, func(c []wire.Command) (any, error) { return Local{}.Run(ctx, c...) })
	case wire.OpRaise:
		return with(req, func(b wire.Raise) (any, error) { return nil, s.raise(b) })
	case wire.OpPrepare:
		return with(req, func(b stack.Prepare) (any, error) { return s.prepare(ctx, b, say) })
	case wire.OpRollStart:
		return with(req, s.rollStart)
	case wire.OpRollFollow:
		return with(req, func(b wire.RollRef) (any, error) { return s.rollFollow(ctx, b, say) })
	case wire.OpRollState:
		return with(req, s.rollState)
	case wire.OpStoreFile:
		return with(req, func(b wire.RunFile) (any, error) { return nil, s.storeFile(b) })
	}
	return s.doLedger(req, say)
}

func with[In any](req wire.Request, f func(In) (any, error)) (any, error) {
	in, err := wire.Decode[In](req.Body)
	if err != nil {
		return nil, wire.Fail(wire.CodeBadRequest, err.Error(), nil)
	}
	return f(in)
}

// wireError gives an error the code by which the operator knows it.
func wireError(err error) *wire.Error {
	var e *wire.Error
	if errors.As(err, &e) {
		return e
	}
	var over *fence.Overtaken
	if errors.As(err, &over) {
		return wire.Fail(wire.CodeOvertaken, err.Error(), over.By)
	}
	if f, ok := fault.Find(err); ok {
		return wire.Fail(wire.CodeRefused, err.Error(), f)
	}
	for sentinel, code := range map[error]wire.Code{
		fence.ErrOvertaken: wire.CodeOvertaken, fence.ErrOtherLedger: wire.CodeOtherLedger,
		chain.ErrOvertaken: wire.CodeChainOvertaken, chain.ErrMissing: wire.CodeMissing,
		chain.ErrExists: wire.CodeExists, chain.ErrBroken: wire.CodeBroken, chain.ErrTooLong: wire.CodeTooLong,
	} {
		if errors.Is(err, sentinel) {
			return wire.Fail(code, err.Error(), nil)
		}
	}
	return wire.Fail(wire.CodeFailed, err.Error(), nil)
}
