// Package stream lets a test watch and hold the requests that fairlead sends to the agent on a host. It is test-only.
// The program internal/lab/cmd/streamagent takes the agent's place; Watch puts it together and hears from it.
package stream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"fairlead/internal/wire"
)

// When says on which side of a request a moment lies.
type When string

// The moments of a request.
const (
	Before When = "before" // the operator has sent it; the agent has not seen it
	Done   When = "done"   // the agent has done it; the operator does not know
	Heard  When = "heard"  // the answer is on its way to the operator
)

// A Moment is told while nothing moves in that direction.
type Moment struct {
	When When            `json:"when"`
	Op   wire.Op         `json:"op"`
	Body json.RawMessage `json:"body"`
}

// Order is what the program is told: which agent to run, where the test listens, which requests to hold.
type Order struct {
	Agent  string    `json:"agent"`
	Socket string    `json:"socket"`
	Watch  []wire.Op `json:"watch"`
}

// mark stands between the program and its order, which is the end of the same file: the environment of an agent is
// cleaned.
const mark = "\n#fairlead-stream-order "

// Orders reads the order at the end of a program's file.
func Orders(program string) (Order, error) {
	text, err := os.ReadFile(program)
	if err != nil {
		return Order{}, err
	}
	at := bytes.LastIndex(text, []byte(mark))
	if at < 0 {
		return Order{}, errors.New("this program carries no order: a test has to put it together")
	}
	var o Order
	err = json.Unmarshal(text[at+len(mark):], &o)
	return o, err
}

// A Stream is a folder for FAIRLEAD_AGENT_DIR and an ear for the program in it.
type Stream struct {
	// Dir goes into FAIRLEAD_AGENT_DIR.
	Dir      string
	listener net.Listener
	mu       sync.Mutex
	hear     func(Moment) bool
	wg       sync.WaitGroup
}

// Watch makes a stream in dir, which every user of the machine must be able to enter: bin holds the built programs.
// Until Hear is called everything passes.
func Watch(dir, bin string, ops ...wire.Op) (*Stream, error) {
	name := "fairlead-agent-linux-" + runtime.GOARCH
	agent, err := os.ReadFile(filepath.Join(bin, name))
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(filepath.Join(bin, "streamagent"))
	if err != nil {
		return nil, err
	}
	s := &Stream{Dir: filepath.Join(dir, "agents")}
	o := Order{Agent: filepath.Join(dir, "agent"), Socket: filepath.Join(dir, "socket"), Watch: ops}
	order, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	program = append(append(program, mark...), order...)
	if err := errors.Join(os.MkdirAll(s.Dir, 0o755), os.WriteFile(o.Agent, agent, 0o755),
		os.WriteFile(filepath.Join(s.Dir, name), program, 0o755)); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("unix", o.Socket); err != nil {
		return nil, err
	}
	if err := os.Chmod(o.Socket, 0o666); err != nil {
		return nil, fmt.Errorf("open the socket to everybody: %w", err)
	}
	s.wg.Go(s.accept)
	return s, nil
}

// Hear sets who is told of each moment, one after the other for each connection. When it gives false, what is held is
// never passed on and that agent ends. Nil lets everything pass.
func (s *Stream) Hear(f func(Moment) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hear = f
}

// Close stops listening. Agents that hold something end when the test does.
func (s *Stream) Close() error {
	err := s.listener.Close()
	s.wg.Wait()
	return err
}

func (s *Stream) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.serve(c)
	}
}

func (s *Stream) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var m Moment
		if err := json.Unmarshal(line, &m); err != nil {
			return
		}
		s.mu.Lock()
		hear := s.hear
		s.mu.Unlock()
		if hear != nil && !hear(m) {
			return
		}
		if _, err := c.Write([]byte("go\n")); err != nil {
			return
		}
	}
}
