// Package post sends one body to one secret URL and says whether it was accepted, in words that never contain the URL.
// It does not try again; its Trouble says whether and when that makes sense. Start with Sender.Post.
package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxBody limits what is sent, maxAnswer what is read of the answer, in bytes.
const (
	maxBody   = 256 << 10
	maxAnswer = 4 << 10
)

// Trouble is why a message was not accepted. Again tells whether another try may help; After is how long the receiver
// asked to wait (0 when it did not say).
type Trouble struct {
	// Status: 0 when there was no answer
	Status int
	Why    string
	After  time.Duration
	Retry  bool
}

// Error gives the reason, without the URL.
func (t *Trouble) Error() string { return t.Why }

// Again tells whether another try may help, and how long to wait before it at least.
func (t *Trouble) Again() (time.Duration, bool) { return t.After, t.Retry }

// Sender posts over HTTP. It follows no redirect: the body belongs to the configured place only.
type Sender struct {
	client *http.Client
	now    func() time.Time
}

// New gives a Sender. A nil transport means a fresh default one; each request may take ten seconds. now is for
// Retry-After dates.
func New(transport http.RoundTripper, now func() time.Time) *Sender {
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true,
			MaxResponseHeaderBytes: 64 << 10}
	}
	return &Sender{now: now, client: &http.Client{Transport: transport, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Post sends body as JSON with the given headers. Any 2xx is acceptance; everything else is a *Trouble.
func (s *Sender) Post(ctx context.Context, to string, header http.Header, body []byte) error {
	if len(body) > maxBody {
		return &Trouble{Why: fmt.Sprintf("the message is larger than %d KiB", maxBody>>10)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return &Trouble{Why: "its URL cannot be used"}
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "fairlead")
	resp, err := s.client.Do(req)
	if err != nil {
		return &Trouble{Why: reason(err), Retry: !errors.Is(err, context.Canceled)}
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode/100 == 2 {
		return nil
	}
	return s.refusal(resp, string(answer))
}

func (s *Sender) refusal(resp *http.Response, answer string) *Trouble {
	t := &Trouble{Status: resp.StatusCode, Why: fmt.Sprintf("it answered %d", resp.StatusCode)}
	if word := strings.TrimSpace(answer); isWord(word) {
		t.Why += " " + word
	}
	if c := t.Status; c == http.StatusTooManyRequests || c == http.StatusRequestTimeout || c >= 500 {
		t.Retry, t.After = true, s.after(resp.Header.Get("Retry-After"))
	}
	return t
}

// after reads Retry-After: seconds or a date.
func (s *Sender) after(h string) time.Duration {
	if n, err := strconv.Atoi(h); err == nil && n >= 0 && n < 1<<20 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(h); err == nil {
		return max(0, at.Sub(s.now()))
	}
	return 0
}

// reason says what went wrong on the way; the library's own text would hold the URL.
func reason(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var ue *url.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "sending was cut short"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &ue) && ue.Timeout():
		return "no answer in time"
	case errors.As(err, &dns):
		return "its host name has no address"
	case errors.As(err, &op) && op.Op == "dial":
		return "its host cannot be reached"
	}
	return "the connection broke off"
}

// isWord lets short answers like "channel_is_archived" through and nothing that could hold a secret.
func isWord(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}
