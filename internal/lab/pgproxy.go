package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
)

// Moment says on which side of a statement a rule acts.
type Moment int

// The moments of a statement.
const (
	// BeforeSent: the server has not seen the statement.
	BeforeSent Moment = iota + 1
	// AfterDone: the server has carried it out (it said that it is ready for the
	// next), and the client has heard nothing of it.
	AfterDone
)

// Rule acts once, at one statement.
type Rule struct {
	// Match is a part of the statement's text, letter case aside; empty matches all.
	Match string
	// Nth counts the matches since the rule was set, on all connections; zero means one.
	Nth int
	// When is the moment; zero means BeforeSent.
	When Moment
	// Do runs at that moment, if set, while nothing moves on this connection:
	// kill a process, stop one, wait.
	Do func()
	// Cut then resets the connection, both sides; otherwise it goes on.
	Cut bool
}

// PgProxy is a proxy in front of PostgreSQL that understands enough of its
// protocol to act at a given statement, simple or prepared.
type PgProxy struct {
	*Proxy
	rules sync.Mutex
	rule  *Rule
	seen  int
	log   []string
	fired bool
}

// NewPgProxy starts a proxy in front of the lab's PostgreSQL. Connections have
// to be without TLS, as the lab's URLs say.
func (l *Lab) NewPgProxy(ctx context.Context) (*PgProxy, error) {
	p, err := l.listenProxy(ctx, fmt.Sprintf("127.0.0.1:%d", postgresPort))
	if err != nil {
		return nil, err
	}
	pg := &PgProxy{Proxy: p}
	p.pump = pg.pumpMessages
	p.serve()
	return pg, nil
}

// URL is the same database, through the proxy.
func (p *PgProxy) URL(direct string) (string, error) {
	u, err := url.Parse(direct)
	if err != nil {
		return "", err
	}
	u.Host = p.Addr()
	return u.String(), nil
}

// Set replaces the rule and starts its count and the list of statements anew;
// nil removes it.
func (p *PgProxy) Set(r *Rule) {
	p.rules.Lock()
	defer p.rules.Unlock()
	p.rule, p.seen, p.log, p.fired = r, 0, nil, false
}

// Fired says whether the rule has acted.
func (p *PgProxy) Fired() bool {
	p.rules.Lock()
	defer p.rules.Unlock()
	return p.fired
}

// Statements lists the texts of the statements since Set, in the order in which
// clients sent them: every place where a rule could act.
func (p *PgProxy) Statements() []string {
	p.rules.Lock()
	defer p.rules.Unlock()
	return append([]string(nil), p.log...)
}

// due notes a statement and gives the rule if it is to act here.
func (p *PgProxy) due(sql string) *Rule {
	p.rules.Lock()
	defer p.rules.Unlock()
	p.log = append(p.log, sql)
	r := p.rule
	if r == nil || p.fired || !strings.Contains(strings.ToLower(sql), strings.ToLower(r.Match)) {
		return nil
	}
	p.seen++
	if p.seen < max(r.Nth, 1) {
		return nil
	}
	p.fired = true
	return r
}

// session is what one connection has prepared, and the rule that waits for the
// server to have carried out a statement.
type session struct {
	statements, portals map[string]string
	mu                  sync.Mutex
	// pending counts the times that the server still has to say that it is ready.
	pending int
	waiting *Rule
	// ahead counts those of them that belong to earlier statements.
	ahead int
}

// wait leaves a rule to the server's side.
func (s *session) wait(r *Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting, s.ahead = r, s.pending
}

// sent notes a message that the server answers with ready.
func (s *session) sent(kind byte) {
	if kind == 'Q' || kind == 'S' {
		s.mu.Lock()
		s.pending++
		s.mu.Unlock()
	}
}

// answered gives the rule that an answer of the server belongs to, if any, and
// whether the rule's statement is done with it.
func (s *session) answered(kind byte) (rule *Rule, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind == 'Z' {
		s.pending--
	}
	if s.waiting == nil {
		return nil, false
	}
	if s.ahead > 0 {
		if kind == 'Z' {
			s.ahead--
		}
		return nil, false
	}
	rule = s.waiting
	if kind == 'Z' {
		s.waiting = nil
	}
	return rule, kind == 'Z'
}

func (p *PgProxy) pumpMessages(client, server net.Conn) {
	s := &session{statements: map[string]string{}, portals: map[string]string{}, pending: 1}
	plain, err := startup(client, server)
	if err != nil {
		return
	}
	if !plain { // a cancel request: the server answers by closing
		_, _ = io.Copy(io.Discard, server)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		p.fromClient(s, client, server)
		if t, ok := server.(*net.TCPConn); ok {
			_ = t.CloseWrite()
		}
	})
	wg.Go(func() {
		p.fromServer(s, client, server)
		client.Close()
	})
	wg.Wait()
}

// startup passes the first message on, declining encryption. It gives false
// after a cancel request.
func startup(client, server net.Conn) (bool, error) {
	const sslRequest, gssRequest, cancelRequest = 80877103, 80877104, 80877102
	for {
		var head [8]byte
		if _, err := io.ReadFull(client, head[:]); err != nil {
			return false, err
		}
		size, code := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
		if code == sslRequest || code == gssRequest {
			if _, err := client.Write([]byte("N")); err != nil {
				return false, err
			}
			continue
		}
		if size < 8 || size > 1<<16 {
			return false, fmt.Errorf("a startup message of %d bytes", size)
		}
		body := make([]byte, size-8)
		if _, err := io.ReadFull(client, body); err != nil {
			return false, err
		}
		_, err := server.Write(append(head[:], body...))
		return code != cancelRequest, err
	}
}

// message reads one message: its type, and all of it as it came.
func message(from io.Reader) (byte, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > 256<<20 {
		return 0, nil, fmt.Errorf("a message of %d bytes", size)
	}
	all := make([]byte, 1+int(size))
	copy(all, head[:])
	_, err := io.ReadFull(from, all[5:])
	return head[0], all, err
}

func (p *PgProxy) fromClient(s *session, client, server net.Conn) {
	for {
		kind, all, err := message(client)
		if err != nil {
			return
		}
		p.pass()
		sql, ok := s.statement(kind, all[5:])
		if ok {
			if rule := p.due(sql); rule != nil && !p.act(s, rule, client, server) {
				return
			}
		}
		s.sent(kind)
		if _, err := server.Write(all); err != nil {
			return
		}
	}
}

// act carries out what is to happen before the statement is sent, or leaves
// the rule to the server's side. It gives false when the connection is cut.
func (p *PgProxy) act(s *session, rule *Rule, client, server net.Conn) bool {
	if rule.When == AfterDone {
		s.wait(rule)
		return true
	}
	if rule.Do != nil {
		rule.Do()
	}
	if rule.Cut {
		reset(client)
		reset(server)
	}
	return !rule.Cut
}

// statement keeps track of what is prepared and gives the text of a statement
// when a message carries it out.
func (s *session) statement(kind byte, body []byte) (string, bool) {
	text := func() string {
		t, rest, _ := bytes.Cut(body, []byte{0})
		body = rest
		return string(t)
	}
	switch kind {
	case 'Q':
		return text(), true
	case 'P': // parse: statement name, text
		name := text()
		s.statements[name] = text()
	case 'B': // bind: portal, statement name
		portal := text()
		s.portals[portal] = s.statements[text()]
	case 'E': // execute: portal
		return s.portals[text()], true
	}
	return "", false
}

func (p *PgProxy) fromServer(s *session, client, server net.Conn) {
	var held []byte
	for {
		kind, all, err := message(server)
		if err != nil {
			return
		}
		p.pass()
		if rule, done := s.answered(kind); rule != nil {
			// What the server says about the statement is kept back until it is done.
			held = append(held, all...)
			if !done {
				continue
			}
			if rule.Do != nil {
				rule.Do()
			}
			if rule.Cut {
				reset(client)
				reset(server)
				return
			}
			all, held = held, nil
		}
		if _, err := client.Write(all); err != nil {
			return
		}
	}
}
