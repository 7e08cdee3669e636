package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Hook is one request that the webhook receiver got.
type Hook struct {
	Time   time.Time         `json:"time"`
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Header map[string]string `json:"header"`
	Body   string            `json:"body"`
}

// Receiver answers webhooks as Slack does, with 200 and "ok", and keeps what it
// got. A path that starts with /status/N answers N, one that starts with
// /slow/D answers after the duration D. It is safe for concurrent use.
type Receiver struct {
	mu    sync.Mutex
	hooks []Hook
	file  string
}

// NewReceiver gives a receiver that also appends each request to file, as a
// JSON line, unless file is empty.
func NewReceiver(file string) *Receiver { return &Receiver{file: file} }

// Hooks lists what came so far, oldest first.
func (r *Receiver) Hooks() []Hook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Hook(nil), r.hooks...)
}

// ServeHTTP records the request and answers it.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	h := Hook{Time: time.Now(), Method: req.Method, Path: req.URL.Path, Body: string(body), Header: map[string]string{}}
	for name := range req.Header {
		h.Header[name] = req.Header.Get(name)
	}
	if err := r.keep(h); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	if len(parts) > 1 && parts[0] == "slow" {
		if d, err := time.ParseDuration(parts[1]); err == nil {
			select {
			case <-time.After(d):
			case <-req.Context().Done():
			}
		}
	}
	if len(parts) > 1 && parts[0] == "status" {
		if code, err := strconv.Atoi(parts[1]); err == nil && code >= 200 && code < 600 {
			w.WriteHeader(code)
		}
	}
	_, _ = io.WriteString(w, "ok")
}

func (r *Receiver) keep(h Hook) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hooks = append(r.hooks, h)
	if r.file == "" {
		return nil
	}
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// Hooks lists what the lab's receiver got since the lab came up, oldest first.
func (l *Lab) Hooks() ([]Hook, error) {
	f, err := os.Open(l.WebhookFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var hooks []Hook
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var h Hook
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			return nil, fmt.Errorf("read %s: %w", l.WebhookFile, err)
		}
		hooks = append(hooks, h)
	}
	return hooks, lines.Err()
}

// webhookServer is the lab's receiver.
type webhookServer struct {
	file   string
	server *http.Server
}

func (s *webhookServer) start(ctx context.Context) error {
	server, err := serveOn(ctx, fmt.Sprintf("127.0.0.1:%d", webhookPort), NewReceiver(s.file))
	s.server = server
	return err
}

func (s *webhookServer) stop(bool) error { return s.server.Close() }
