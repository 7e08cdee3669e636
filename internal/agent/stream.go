package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"fairlead/internal/wire"
)

// dialLimit is how long a connection may take to come about.
const dialLimit = 10 * time.Second

// far is what a stream leads to. end closes it and says, once the reading has come to its end, how it ended.
type far struct {
	io.Reader
	io.Writer
	closeWrite func() error
	abort      func() // unblocks Read and Write
	end        func() (any, error)
}

// stream carries bytes between the operator and something on the host. Its two directions are goroutines of run; the
// reader of the connection only puts into it what arrives, and never waits.
type stream struct {
	id     uint64
	mu     sync.Mutex
	moved  *sync.Cond
	in     [][]byte // from the operator, not yet passed on
	held   int      // bytes of in
	ended  bool     // no more will come from the operator
	credit int      // bytes that the operator takes
	gone   bool
}

func newStream(id uint64) *stream {
	s := &stream{id: id, credit: wire.StreamWindow}
	s.moved = sync.NewCond(&s.mu)
	return s
}

// feed takes what the operator sent for a stream. What belongs to no stream (any more) is dropped; who sends more than
// the window allows loses the stream.
func (c *client) feed(req wire.Request) {
	c.mu.Lock()
	s := c.streams[req.ID]
	c.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch req.Op {
	case wire.OpStreamData:
		if s.held += len(req.Data); s.held > wire.StreamWindow {
			s.gone = true
		}
		s.in = append(s.in, req.Data)
	case wire.OpStreamEnd:
		s.ended = true
	case wire.OpStreamCredit:
		if b, err := wire.Decode[wire.Credit](req.Body); err == nil && b.Bytes > 0 {
			s.credit = min(s.credit+b.Bytes, wire.StreamWindow)
		}
	}
	s.moved.Broadcast()
}

// open makes a place for a stream before anything else of it arrives; too many are refused.
func (c *client) open(id uint64) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.streams) >= wire.MaxStreams || c.streams[id] != nil {
		return nil
	}
	s := newStream(id)
	c.streams[id] = s
	return s
}

// serve runs one stream to its end and tells it. ctx ends it at once.
func (c *client) serve(ctx context.Context, s *stream, req wire.Request) {
	defer c.end(req.ID)
	out, err := c.carry(ctx, s, req)
	c.mu.Lock()
	delete(c.streams, s.id)
	c.mu.Unlock()
	resp := wire.Response{ID: req.ID}
	if err != nil {
		resp.Err, out = wireError(err), nil
	}
	_ = c.send(resp, out)
}

func (c *client) carry(ctx context.Context, s *stream, req wire.Request) (any, error) {
	if s == nil {
		return nil, wire.Fail(wire.CodeFailed, "too many streams are open", nil)
	}
	f, err := reach(ctx, req)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { s.stop(); f.abort() })
	defer stop()
	if err := c.send(wire.Response{ID: s.id, More: true}, nil); err != nil {
		s.stop()
	}
	var up sync.WaitGroup
	up.Go(func() { s.passOn(c, f) })
	err = s.passBack(c, f)
	s.stop()
	if err != nil {
		f.abort()
	}
	out, ended := f.end()
	f.abort()
	up.Wait()
	if err := errors.Join(err, context.Cause(ctx)); err != nil {
		return nil, err
	}
	return out, ended
}

func (s *stream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.moved.Broadcast()
}

// passOn writes what the operator sent and gives credit for it.
func (s *stream) passOn(c *client, f far) {
	for {
		s.mu.Lock()
		for len(s.in) == 0 && !s.ended && !s.gone {
			s.moved.Wait()
		}
		if s.gone || len(s.in) == 0 {
			done := !s.gone
			s.mu.Unlock()
			if done {
				_ = f.closeWrite()
			}
			return
		}
		b := s.in[0]
		s.in, s.held = s.in[1:], s.held-len(s.in[0])
		s.mu.Unlock()
		if _, err := f.Write(b); err != nil {
			return // reading tells what became of the other end
		}
		if c.send(wire.Response{ID: s.id, More: true}, wire.Credit{Bytes: len(b)}) != nil {
			s.stop()
		}
	}
}

// passBack sends what the other end says, as far as there is credit for it.
func (s *stream) passBack(c *client, f far) error {
	buf := make([]byte, wire.StreamChunk)
	for {
		s.mu.Lock()
		for s.credit == 0 && !s.gone {
			s.moved.Wait()
		}
		room := min(s.credit, len(buf))
		gone := s.gone
		s.mu.Unlock()
		if gone {
			return errors.New("the stream was ended")
		}
		n, err := f.Read(buf[:room])
		if n > 0 {
			s.mu.Lock()
			s.credit -= n
			s.mu.Unlock()
			if err := c.send(wire.Response{ID: s.id, More: true, Data: buf[:n]}, nil); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
}

// reach opens what a stream leads to.
func reach(ctx context.Context, req wire.Request) (far, error) {
	if req.Op == wire.OpExec {
		in, err := wire.Decode[wire.Exec](req.Body)
		if err != nil || len(in.Argv) == 0 {
			return far{}, wire.Fail(wire.CodeBadRequest, "a program without a name", nil)
		}
		return launch(ctx, in)
	}
	in, err := wire.Decode[wire.Dial](req.Body)
	if err != nil || in.Network != "tcp" && in.Network != "unix" {
		return far{}, wire.Fail(wire.CodeBadRequest, "neither tcp nor unix is to be dialled", nil)
	}
	return dial(ctx, in)
}

func dial(ctx context.Context, in wire.Dial) (far, error) {
	limit := in.Timeout
	if limit <= 0 || limit > time.Minute {
		limit = dialLimit
	}
	d := &net.Dialer{Timeout: limit, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second,
		Interval: 5 * time.Second, Count: 4}}
	conn, err := d.DialContext(ctx, in.Network, in.Address)
	if err != nil {
		return far{}, err
	}
	shut := func() error { return nil }
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		shut = half.CloseWrite
	}
	return far{Reader: conn, Writer: conn, closeWrite: shut, abort: func() { conn.Close() },
		end: func() (any, error) { return nil, nil }}, nil
}

// launch starts a program with pipes of its own, in a process group of its own.
func launch(ctx context.Context, in wire.Exec) (far, error) {
	cmd := exec.Command(in.Argv[0], in.Argv[1:]...)
	cmd.Env = append(os.Environ(), in.Env...)
	said := &limited{max: 16 << 10}
	cmd.Stderr = said
	cmd.WaitDelay = 2 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if len(in.Secret) > 0 {
		f, err := secretFile(in.Secret)
		if err != nil {
			return far{}, err
		}
		defer f.Close()
		cmd.ExtraFiles = []*os.File{f}
		cmd.Env = append(cmd.Env, in.SecretVar+"=/proc/self/fd/3")
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return far{}, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return far{}, err
	}
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return far{}, err
	}
	var once sync.Once
	kill := func() {
		once.Do(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = r.SetReadDeadline(time.Now())
	}
	end := func() (any, error) {
		defer r.Close()
		stopped := context.AfterFunc(ctx, kill)
		defer stopped()
		err := cmd.Wait()
		once.Do(func() {}) // its number may be somebody else's now
		e := wire.Ended{Code: cmd.ProcessState.ExitCode(), Stderr: said.b.String()}
		if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			e.Signal = ws.Signal().String()
		}
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return nil, err
		}
		return e, nil
	}
	return far{Reader: r, Writer: stdin, closeWrite: stdin.Close, abort: kill, end: end}, nil
}
