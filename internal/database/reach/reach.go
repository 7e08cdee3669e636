// Package reach leads to a database that this machine does not see: through a host of the target, over the connection
// that there is to it, to the host's network or into a container there. It knows hosts and not databases; package
// postgres is given one. Start with Through.
package reach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
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

// errNoSite is about a name that Sites does not give.
var errNoSite = errors.New("there is no such place")

// Sites gives the places where programs can run that reach the database more closely than this machine does: the host,
// then the container.
func (t *Through) Sites(ctx context.Context) ([]wire.Site, error) {
	if t.Host == nil {
		return nil, nil
	}
	if t.Container == nil {
		return []wire.Site{{Name: t.onHost()}}, nil
	}
	s, err := t.server(ctx, false)
	if err != nil {
		return nil, err
	}
	return []wire.Site{{Name: t.onHost(), Address: s.Address}, {Name: t.Place(), Address: s.Address}}, nil
}

func (t *Through) onHost() string { return "on " + t.Host.Name() }

// Exec runs a program in one of the Sites, by its name, as Host.Exec does. In a container, a cut ends the program's
// standard input and not the program: one that must end with it has to read it. The container needs a shell, and rm
// where there is a secret.
func (t *Through) Exec(ctx context.Context, site string, e wire.Exec, in io.Reader, out io.Writer) (wire.Ended, error) {
	if site == t.onHost() {
		return t.Host.Exec(ctx, e, in, out)
	}
	if t.Container == nil || site != t.Place() {
		return wire.Ended{}, fmt.Errorf("%s: %w", site, errNoSite)
	}
	s, err := t.server(ctx, false)
	if err != nil {
		return wire.Ended{}, err
	}
	inner, in := inside(s.ID, e, in)
	return t.Host.Exec(ctx, inner, in, out)
}

// hold reads a secret from the first line of its input, and becomes the program, which finds it in a file that has no
// name any more. $1 is the variable that says where.
const hold = `v=$1; shift
d=/dev/shm; [ -w "$d" ] || d=/tmp
f=$d/.fairlead-$$
IFS= read -r secret || exit 97
(umask 077; set -C; printf '%s\n' "$secret" >"$f") || exit 97
exec 3<"$f"
rm -f "$f" || { : >"$f"; exit 97; }
unset secret
export "$v=/proc/self/fd/3"
exec "$@"`

// inside makes of a program one in a container. The secret, which must be one line, goes in front of the input.
func inside(id string, e wire.Exec, in io.Reader) (wire.Exec, io.Reader) {
	argv := []string{"docker", "exec", "-i"}
	for _, v := range e.Env {
		argv = append(argv, "-e", v)
	}
	argv = append(argv, id)
	if len(e.Secret) == 0 {
		return wire.Exec{Argv: append(argv, e.Argv...)}, in
	}
	argv = append(argv, "sh", "-c", hold, "sh", e.SecretVar)
	p := prefixed{Reader: strings.NewReader(strings.TrimSuffix(string(e.Secret), "\n") + "\n")}
	if in != nil {
		p.Reader, p.Closer = io.MultiReader(p.Reader, in), closer(in)
	}
	return wire.Exec{Argv: append(argv, e.Argv...)}, p
}

// prefixed is a reader with something in front of it, which closes as that one does.
type prefixed struct {
	io.Reader
	io.Closer
}

// Close passes on.
func (p prefixed) Close() error {
	if p.Closer == nil {
		return nil
	}
	return p.Closer.Close()
}

func closer(in io.Reader) io.Closer {
	c, _ := in.(io.Closer)
	return c
}
