package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// relay lets a child process, which can only open sockets of its own, use the way of a Reach: a socket in a folder that
// nobody else can enter, each connection to which is carried to the server. TLS is made on the way, by the same
// settings as for our own sessions; the child speaks plainly to the socket.
type relay struct {
	dir      string
	listener net.Listener
	cancel   context.CancelFunc
	all      sync.WaitGroup
}

// startRelay makes the socket.
func (s *Server) startRelay() (*relay, error) {
	if s.query.Get("channel_binding") == "require" || s.Base.ChannelBinding == "require" {
		return nil, fmt.Errorf("channel_binding=require cannot be kept for pg_dump %s; leave it out and use "+
			"sslmode=verify-full", s.Session.Reach.Place())
	}
	dir, err := privateDir()
	if err != nil {
		return nil, fmt.Errorf("make a folder for a socket: %w", err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL."+strconv.Itoa(int(s.Base.Port))))
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &relay{dir: dir, listener: l, cancel: cancel}
	r.all.Go(func() { r.serve(ctx, s) })
	return r, nil
}

// stop ends all connections and removes the socket.
func (r *relay) stop() {
	r.cancel()
	r.listener.Close()
	r.all.Wait()
	os.RemoveAll(r.dir)
}

func (r *relay) serve(ctx context.Context, d *Server) {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.all.Go(func() {
			defer near.Close()
			stop := context.AfterFunc(ctx, func() { near.Close() })
			defer stop()
			far, err := d.dialPlain(ctx)
			if err != nil {
				refuseChild(near, d.Redacted(oneLine(err)))
				return
			}
			defer far.Close()
			defer context.AfterFunc(ctx, func() { far.Close() })()
			join(near, far)
		})
	}
}

// authSASL is the code of the message in which a server lists how a password may be proved.
const authSASL = 10

// plainly carries the beginning of a session from the server, in which the server may offer to bind the proof of the
// password to the TLS connection: the child has no part in that connection, and would take the offer for an attack. The
// offer is taken out; the proof without it stays.
func plainly(near, far net.Conn) error {
	for range 8 {
		head := make([]byte, 5)
		if _, err := io.ReadFull(far, head); err != nil {
			return err
		}
		n := int64(binary.BigEndian.Uint32(head[1:])) - 4
		if n < 0 || n > 1<<16 {
			return errors.New("a message of that size does not begin a session")
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(far, body); err != nil {
			return err
		}
		sasl := head[0] == 'R' && n >= 4 && binary.BigEndian.Uint32(body) == authSASL
		if sasl {
			body = bytes.Replace(body, []byte("SCRAM-SHA-256-PLUS\x00"), nil, 1)
			binary.BigEndian.PutUint32(head[1:], uint32(4+len(body)))
		}
		if _, err := near.Write(append(head, body...)); err != nil {
			return err
		}
		if sasl || head[0] != 'v' {
			return nil
		}
	}
	return errors.New("the server does not begin a session")
}

// join carries both ways until one side ends.
func join(near, far net.Conn) {
	_, secured := far.(*tls.Conn)
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(far, near); far.Close() })
	both.Go(func() {
		if !secured || plainly(near, far) == nil {
			_, _ = io.Copy(near, far)
		}
		near.Close()
		far.Close()
	})
	both.Wait()
}

// dialPlain opens a connection on which the startup message may be sent: TLS, where the URL wants it, is done.
func (s *Server) dialPlain(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Base.ConnectTimeout)
	defer cancel()
	ways := []*tls.Config{s.Base.TLSConfig}
	for _, f := range s.Base.Fallbacks {
		ways = append(ways, f.TLSConfig)
	}
	var failed error
	for _, secure := range ordered(ways) {
		c, err := s.dialOne(ctx, secure)
		if err == nil {
			return c, nil
		}
		failed = err
	}
	return nil, failed
}

// ordered puts the ways with TLS first: whether the server would let the role in without cannot be seen here.
func ordered(ways []*tls.Config) []*tls.Config {
	var all, plain []*tls.Config
	for _, w := range ways {
		if w == nil {
			plain = []*tls.Config{nil}
			continue
		}
		all = append(all, w)
	}
	return append(all, plain...)
}

// sslRequest asks a server whether it speaks TLS.
const sslRequest = 80877103

func (s *Server) dialOne(ctx context.Context, secure *tls.Config) (net.Conn, error) {
	network, address := pgconn.NetworkAddress(s.Base.Host, s.Base.Port)
	c, err := s.Session.Reach.Dial(ctx, network, address)
	if err != nil || secure == nil {
		return c, err
	}
	end, _ := ctx.Deadline()
	_ = c.SetDeadline(end)
	if s.Base.SSLNegotiation != "direct" {
		if err := wantTLS(c); err != nil {
			c.Close()
			return nil, err
		}
	}
	t := tls.Client(c, secure.Clone())
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, err
	}
	_ = c.SetDeadline(time.Time{})
	return t, nil
}

func wantTLS(c net.Conn) error {
	ask := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), sslRequest)
	if _, err := c.Write(ask); err != nil {
		return err
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(c, answer); err != nil {
		return err
	}
	if answer[0] != 'S' {
		return errors.New("server refused TLS connection")
	}
	return nil
}

// refuseChild tells a child in the server's own form why there is no connection; it prints that.
func refuseChild(near net.Conn, why string) {
	_ = near.SetDeadline(time.Now().Add(CloseLimit))
	head := make([]byte, 4)
	if _, err := io.ReadFull(near, head); err != nil {
		return
	}
	if n := int64(binary.BigEndian.Uint32(head)) - 4; n > 0 && n < 1<<16 {
		_, _ = io.CopyN(io.Discard, near, n)
	}
	body := "SFATAL\x00VFATAL\x00C08001\x00M" + why + "\x00\x00"
	m := append([]byte{'E'}, binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))...)
	_, _ = near.Write(append(m, body...))
}
