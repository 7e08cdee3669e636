package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Part names a server of the lab that a test can take away and give back.
type Part string

// The parts of a lab.
const (
	Registry Part = "registry"
	Postgres Part = "postgres"
	SSHD     Part = "sshd"
	Docker   Part = "docker"
	Webhook  Part = "webhook"
)

// Stop ends a part the way its own stop command would. PostgreSQL ends open
// sessions; sshd ends its listener and its sessions; the engine its containers.
func (l *Lab) Stop(ctx context.Context, p Part) error { return l.control(ctx, p, "stop") }

// Kill ends a part with SIGKILL.
func (l *Lab) Kill(ctx context.Context, p Part) error { return l.control(ctx, p, "kill") }

// Start brings a stopped part back, with its data, and returns when it answers.
func (l *Lab) Start(ctx context.Context, p Part) error { return l.control(ctx, p, "start") }

func (l *Lab) control(ctx context.Context, p Part, act string) error {
	client := &http.Client{
		Timeout: 4 * time.Minute,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", controlSocket(l.Dir))
			},
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://lab/%s/%s", p, act), nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", act, p, err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", act, p, strings.TrimSpace(string(text)))
	}
	return nil
}
