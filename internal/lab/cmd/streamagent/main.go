// Command streamagent stands between fairlead and the real agent, for tests: it runs the agent as its child and passes
// frames both ways. At the requests it was told to watch it tells the test, through a unix socket, and holds until it
// is answered. A test can so kill the operator before a request reaches the agent, after the agent has done it, and
// after the operator heard of it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"

	"fairlead/internal/atomicfile"
	"fairlead/internal/lab/stream"
	"fairlead/internal/wire"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "streamagent:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o, err := stream.Orders(self)
	if err != nil {
		return err
	}
	agent, err := beside(self, o.Agent)
	if err != nil {
		return err
	}
	child := exec.Command(agent, args...)
	child.Stderr = os.Stderr
	if len(args) != 2 || args[0] != "serve" {
		child.Stdin, child.Stdout = os.Stdin, os.Stdout
		return child.Run()
	}
	test, err := net.Dial("unix", o.Socket)
	if err != nil {
		return err
	}
	in, err := child.StdinPipe()
	if err != nil {
		return err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	b := &between{watch: o.Watch, test: test, heard: bufio.NewReader(test), pending: map[uint64]wire.Request{}}
	go func() {
		b.requests(bufio.NewReader(os.Stdin), in)
		in.Close()
	}()
	b.answers(bufio.NewReader(out), os.Stdout)
	return child.Wait()
}

// beside puts the real agent into this program's folder: an agent keeps what it must remember near its own file.
func beside(self, agent string) (string, error) {
	name := self + "-real"
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	text, err := os.ReadFile(agent)
	if err != nil {
		return "", err
	}
	return name, atomicfile.Write(name, text, 0o700)
}

// between passes frames on.
type between struct {
	watch   []wire.Op
	mu      sync.Mutex // guards pending
	pending map[uint64]wire.Request
	asking  sync.Mutex // guards the socket
	test    net.Conn
	heard   *bufio.Reader
}

// requests passes what the operator asks on to the agent, until the operator is gone.
func (b *between) requests(from io.Reader, to io.Writer) {
	for {
		var raw json.RawMessage
		if err := wire.ReadFrame(from, &raw); err != nil {
			return
		}
		var req wire.Request
		if err := json.Unmarshal(raw, &req); err == nil && slices.Contains(b.watch, req.Op) {
			b.mu.Lock()
			b.pending[req.ID] = req
			b.mu.Unlock()
			b.tell(stream.Before, req)
		}
		if err := wire.WriteFrame(to, raw); err != nil {
			return
		}
	}
}

// answers passes what the agent says on to the operator: its first two lines as they are, then frames.
func (b *between) answers(from *bufio.Reader, to io.Writer) {
	for range 2 {
		line, err := from.ReadBytes('\n')
		if err != nil {
			return
		}
		if _, err := to.Write(line); err != nil {
			return
		}
	}
	for {
		var raw json.RawMessage
		if err := wire.ReadFrame(from, &raw); err != nil {
			return
		}
		var resp wire.Response
		_ = json.Unmarshal(raw, &resp)
		req, watched := b.done(resp)
		if watched {
			b.tell(stream.Done, req)
		}
		if err := wire.WriteFrame(to, raw); err != nil {
			return
		}
		if watched {
			b.tell(stream.Heard, req)
		}
	}
}

// done gives the watched request that a last response belongs to.
func (b *between) done(resp wire.Response) (wire.Request, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	req, ok := b.pending[resp.ID]
	if resp.More {
		return req, false
	}
	delete(b.pending, resp.ID)
	return req, ok
}

// tell holds until the test says to go on. A test that is gone, or says nothing, ends the program: what it holds is
// never passed on.
func (b *between) tell(when stream.When, req wire.Request) {
	b.asking.Lock()
	defer b.asking.Unlock()
	line, err := json.Marshal(stream.Moment{When: when, Op: req.Op, Body: req.Body})
	if err == nil {
		_, err = b.test.Write(append(line, '\n'))
	}
	if err == nil {
		_, err = b.heard.ReadString('\n')
	}
	if err != nil {
		if !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, "streamagent:", err)
		}
		os.Exit(1)
	}
}
