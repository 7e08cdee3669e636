package servertest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Mischief is what the proxy does, once, to a statement.
type Mischief int

const (
	LoseReply   Mischief = iota + 1 // the server carries it out, the client hears nothing
	LoseRequest                     // the server does not get it, and both sides are closed
	GoSilent                        // the server does not get it and believes the client is still there
	CutClient                       // the server gets it, the client's connection is closed at once
	Hang                            // the same, and the client hears nothing either
	LiePID                          // the announced process id is changed, as a pooler does
)

// testProxy stands between client and server and does one piece of mischief.
type testProxy struct {
	net.Listener
	to    string
	what  Mischief
	match []byte
	mu    sync.Mutex
	done  bool
	open  []net.Conn
}

// Through starts a proxy and gives the URL that leads through it.
func Through(t *testing.T, direct string, what Mischief, match string) (string, *testProxy) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	p := &testProxy{Listener: l, to: u.Host, what: what, match: []byte(match)}
	t.Cleanup(p.Stop)
	go p.serve()
	u.Host = l.Addr().String()
	return u.String(), p
}

// Stop ends it and its connections.
func (p *testProxy) Stop() {
	p.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		c.Close()
	}
}

func (p *testProxy) serve() {
	for {
		client, err := p.Accept()
		if err != nil {
			return
		}
		back, err := net.Dial("tcp", p.to)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, client, back)
		p.mu.Unlock()
		mute := &muted{to: client, heard: make(chan struct{})}
		go p.answers(back, mute)
		go p.requests(client, back, mute)
	}
}

// muted stops passing anything on once it is silenced.
type muted struct {
	to    net.Conn
	heard chan struct{} // closed by the first answer that is swallowed
	mu    sync.Mutex
	on    bool
}

func (m *muted) silence() { m.mu.Lock(); m.on = true; m.mu.Unlock() }

// Write drops what is written once it is silent.
func (m *muted) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.on {
		select {
		case <-m.heard:
		default:
			close(m.heard)
		}
		return len(b), nil
	}
	return m.to.Write(b)
}

func (p *testProxy) requests(client, back net.Conn, mute *muted) {
	defer client.Close()
	first := true
	for {
		m, err := message(client, first)
		if err != nil {
			if !p.silent() {
				back.Close()
			}
			return
		}
		first = false
		if !bytes.Contains(m, p.match) || p.what == LiePID || !p.once() {
			if _, err := back.Write(m); err != nil {
				return
			}
			continue
		}
		switch p.what {
		case LoseRequest:
			back.Close()
		case GoSilent:
		case Hang:
			_, _ = io.Copy(io.Discard, client)
		case LoseReply, CutClient:
			mute.silence()
			_, _ = back.Write(m)
			if p.what == LoseReply {
				select {
				case <-mute.heard:
				case <-time.After(5 * time.Second):
				}
			}
		}
		return
	}
}

func (p *testProxy) once() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.done
	p.done = true
	return !was
}

func (p *testProxy) silent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done && (p.what == GoSilent || p.what == Hang || p.what == CutClient)
}

// Await waits until the mischief is done; a reply that is lost has been given by then.
func (p *testProxy) Await(t *testing.T) {
	t.Helper()
	for range 400 {
		if p.Fired() {
			time.Sleep(50 * time.Millisecond)
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("%q never came by", p.match)
}

// Fired tells whether it has done its mischief.
func (p *testProxy) Fired() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

func (p *testProxy) answers(back net.Conn, mute *muted) {
	if p.what != LiePID {
		_, _ = io.Copy(mute, back)
		mute.to.Close()
		return
	}
	for {
		m, err := message(back, false)
		if err != nil {
			return
		}
		if m[0] == 'K' {
			binary.BigEndian.PutUint32(m[5:], binary.BigEndian.Uint32(m[5:])+1)
		}
		if _, err := mute.Write(m); err != nil {
			return
		}
	}
}

// message reads one message of the protocol; the first of a client has no type.
func message(r io.Reader, first bool) ([]byte, error) {
	head := 5
	if first {
		head = 4
	}
	m := make([]byte, head)
	if _, err := io.ReadFull(r, m); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(m[head-4:])) - 4
	if n < 0 || n > 1<<24 {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	m = append(m, make([]byte, n)...)
	_, err := io.ReadFull(r, m[head:])
	return m, err
}
