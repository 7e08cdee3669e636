// Package probe looks once: one HTTP request and a verdict with a sentence. Waiting, repeating and deciding what a
// failure means are the step's. Start with Prober.Look.
package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// MaxBody is how much of an answer is read, in bytes; text beyond it is not found.
const MaxBody = 1 << 20

// A Check is what is fetched and what must come back. Status 0 means 200. Timeout 0 means five seconds.
type Check struct {
	URL      string        `json:"url"`
	Status   int           `json:"status"`
	Contains string        `json:"contains,omitempty"`
	Timeout  time.Duration `json:"timeout"`
}

// A Result is one look. Why is one sentence, also when it passed; it never holds the body.
type Result struct {
	URL    string `json:"url"`
	Passed bool   `json:"passed"`
	// Status: 0 when there was no answer
	Status int           `json:"status,omitempty"`
	Took   time.Duration `json:"took"`
	Why    string        `json:"why"`
}

// Prober makes looks. Each look opens its own connection, so that a dead one is never mistaken for a dead service and a
// look sees what a new visitor sees. TLS is checked, redirects are not followed.
type Prober struct{ client *http.Client }

// New gives a Prober. A nil transport means a fresh one with the proxy of the environment.
func New(transport http.RoundTripper) *Prober {
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: 64 << 10}
	}
	return &Prober{client: &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Look makes one request. It has no error: whatever goes wrong is a look that did not pass.
func (p *Prober) Look(ctx context.Context, c Check) Result {
	if c.Status == 0 {
		c.Status = http.StatusOK
	}
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	start := time.Now()
	r := p.ask(limited, c)
	r.URL, r.Took = c.URL, time.Since(start)
	if !r.Passed && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) && r.Status == 0 {
		r.Why = fmt.Sprintf("no answer within %s", c.Timeout)
	}
	return r
}

func (p *Prober) ask(ctx context.Context, c Check) Result {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return Result{Why: "the URL cannot be used"}
	}
	req.Header.Set("User-Agent", "fairlead")
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := p.client.Do(req)
	if err != nil {
		return Result{Why: sentence(err)}
	}
	defer resp.Body.Close()
	r := Result{Status: resp.StatusCode}
	if resp.StatusCode != c.Status {
		r.Why = fmt.Sprintf("answered %s, want %d", status(resp.StatusCode), c.Status)
		if to := resp.Header.Get("Location"); to != "" && resp.StatusCode/100 == 3 {
			r.Why += "; redirects are not followed, it leads to " + host(to)
		}
		return r
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody))
	if err != nil {
		r.Why = fmt.Sprintf("answered %d, but the answer broke off: %s", resp.StatusCode, sentence(err))
		return r
	}
	if !bytes.Contains(body, []byte(c.Contains)) {
		r.Why = fmt.Sprintf("answered %d without the text %q", resp.StatusCode, c.Contains)
		return r
	}
	r.Passed, r.Why = true, fmt.Sprintf("answered %d", resp.StatusCode)
	if c.Contains != "" {
		r.Why += fmt.Sprintf(" with the text %q", c.Contains)
	}
	return r
}

// sentence says what went wrong without the URL, which stands beside it.
func sentence(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "the look was cut short"
	case errors.As(err, &dns):
		return "the name " + dns.Name + " has no address"
	case errors.As(err, &cert):
		return "its certificate is not valid: " + cert.Err.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there (connection refused)"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed without a whole answer"
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return "it does not speak TLS"
	}
	return err.Error()
}

func status(code int) string {
	if text := http.StatusText(code); text != "" {
		return fmt.Sprintf("%d %s", code, text)
	}
	return fmt.Sprint(code)
}

// host gives where a redirect leads, without a query, which may hold a token.
func host(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return "somewhere unreadable"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
