// Package reach leads to a database that this machine does not see: through a host of the target, over the connection
// that there is to it, to the host's network or into a container there. It knows hosts and not databases; package
// postgres is given one. Start with Through.
package reach

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"fairlead/internal/host"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

// readyLimit is how long it may take to reach the host, and to bring the agent there.
const readyLimit = 3 * time.Minute

// A Through leads through a host. Container, where it is set, is what serves the database: the host part of an address
// is then replaced by the container's own, looked up anew by each Ready and when it no longer answers. It may be used
// by several goroutines.
type Through struct {
	Host      *host.Host
	Container *stack.Server

	mu    sync.Mutex
	found stack.Serving
}

// Place names the way, like "through deploy@db.example.com".
func (t *Through) Place() string {
	if t.Container == nil {
		return "through " + t.Host.Name()
	}
	what := t.Container.Name
	if what == "" {
		what = "service " + t.Container.Service
	}
	return "in container " + what + " on " + t.Host.Name()
}

// Ready connects to the host, brings the agent there if it must, and finds the container. Errors are those of package
// host, or match stack.ErrNotServing.
func (t *Through) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	if _, err := host.Call[wire.Hello](ctx, t.Host, wire.OpHello, nil); err != nil {
		return err
	}
	if t.Container == nil {
		return nil
	}
	_, err := t.server(ctx, true)
	return err
}

// Dial opens a connection to an address as the host sees it.
func (t *Through) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if t.Container == nil {
		return t.Host.Dial(ctx, network, address)
	}
	_, port, err := net.SplitHostPort(address)
	if network != "tcp" || err != nil {
		return nil, fmt.Errorf("a container is reached by a port, not by %s", address)
	}
	for try := 0; ; try++ {
		s, err := t.server(ctx, try > 0)
		if err != nil {
			return nil, err
		}
		c, err := t.Host.Dial(ctx, "tcp", net.JoinHostPort(s.Address, port))
		var said *wire.Error
		if err == nil || try > 0 || !errors.As(err, &said) {
			return c, err
		}
	}
}

// server finds the container, anew or as it was found before.
func (t *Through) server(ctx context.Context, anew bool) (stack.Serving, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.found.Address != "" && !anew {
		return t.found, nil
	}
	answers, err := t.Host.Run(ctx, stack.ServingCommand(*t.Container))
	if err != nil {
		return stack.Serving{}, err
	}
	t.found, err = stack.ReadServing(*t.Container, answers[0])
	return t.found, err
}
