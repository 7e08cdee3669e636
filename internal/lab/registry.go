package lab

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// registryServer is an OCI registry without TLS or users. What was pushed
// outlives a stop, though not the lab.
type registryServer struct {
	dir     string
	addr    string
	handler http.Handler
	server  *http.Server
}

func (r *registryServer) start(ctx context.Context) error {
	if r.handler == nil {
		r.handler = registry.New(
			registry.WithBlobHandler(registry.NewDiskBlobHandler(r.dir)),
			registry.Logger(log.New(io.Discard, "", 0)),
		)
	}
	server, err := serveOn(ctx, r.addr, r.handler)
	r.server = server
	return err
}

func (r *registryServer) stop(bool) error { return r.server.Close() }

// serveOn serves HTTP on a loopback port, under both of its addresses when the
// host is localhost.
func serveOn(ctx context.Context, addr string, h http.Handler) (*http.Server, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	hosts := []string{host}
	if host == "localhost" {
		hosts = []string{"127.0.0.1", "::1"}
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	for _, host := range hosts {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
		if err != nil {
			if strings.Contains(host, ":") {
				continue // a machine without IPv6
			}
			return nil, errors.Join(err, server.Close())
		}
		go func() { _ = server.Serve(l) }()
	}
	return server, nil
}
