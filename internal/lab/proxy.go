package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// Proxy is a TCP proxy that a test disturbs: in front of sshd it is the cable
// to the host. It listens on a free port of the lab.
type Proxy struct {
	listener net.Listener
	dial     func(context.Context) (net.Conn, error)
	// pump moves bytes for one connection until either side ends.
	pump func(client, server net.Conn)

	mu       sync.Mutex
	conns    map[net.Conn]bool
	refusing bool
	gate     chan struct{} // closed while bytes may pass
	accepted int
	wg       sync.WaitGroup
}

// NewProxy starts a proxy in front of an address of the lab.
func (l *Lab) NewProxy(ctx context.Context, target string) (*Proxy, error) {
	p, err := l.listenProxy(ctx, target)
	if err != nil {
		return nil, err
	}
	p.pump = p.pumpBytes
	p.serve()
	return p, nil
}

func (l *Lab) listenProxy(ctx context.Context, target string) (*Proxy, error) {
	listener, err := l.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	open := make(chan struct{})
	close(open)
	return &Proxy{
		listener: listener, conns: map[net.Conn]bool{}, gate: open,
		dial: func(ctx context.Context) (net.Conn, error) { return l.Dial(ctx, "tcp", target) },
	}, nil
}

// Addr is where it listens, host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Port is where it listens.
func (p *Proxy) Port() int {
	_, port, _ := net.SplitHostPort(p.Addr())
	n, _ := strconv.Atoi(port)
	return n
}

// Accepted counts the connections so far.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Cut resets every open connection, both sides at once.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		reset(c)
	}
}

// Refuse makes new connections fail, or lets them through again. Open ones stay.
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusing = on
}

// Hold lets no byte pass, in either direction, until Release: a cable that is
// silent but not cut.
func (p *Proxy) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gate:
		p.gate = make(chan struct{})
	default:
	}
}

// Release ends Hold.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gate:
	default:
		close(p.gate)
	}
}

// Close cuts everything and stops listening. It may be repeated.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.Release()
	p.Cut()
	p.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *Proxy) serve() {
	p.wg.Go(func() {
		for {
			c, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.handle(c) })
		}
	})
}

func (p *Proxy) handle(client net.Conn) {
	p.mu.Lock()
	p.accepted++
	refusing := p.refusing
	p.mu.Unlock()
	if refusing {
		reset(client)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	server, err := p.dial(ctx)
	cancel()
	if err != nil {
		reset(client)
		return
	}
	p.keep(client, server)
	defer p.drop(client, server)
	p.pump(client, server)
}

func (p *Proxy) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
}

func (p *Proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
		c.Close()
	}
}

// pass waits while the proxy holds.
func (p *Proxy) pass() {
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	<-gate
}

func (p *Proxy) pumpBytes(client, server net.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() { p.copy(server, client) })
	wg.Go(func() { p.copy(client, server) })
	wg.Wait()
}

// copy moves bytes one way. An end of stream is passed on as one; an error
// takes the other direction down too.
func (p *Proxy) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.pass()
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				reset(from)
				return
			}
		}
		if errors.Is(err, io.EOF) {
			if t, ok := to.(*net.TCPConn); ok {
				_ = t.CloseWrite()
			}
			return
		}
		if err != nil {
			reset(to)
			return
		}
	}
}

// reset ends a connection at once, with a reset instead of a goodbye.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	c.Close()
}
