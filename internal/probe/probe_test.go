package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestLook_says_in_a_sentence_what_it_saw(t *testing.T) {
	for what, c := range map[string]struct {
		answer http.HandlerFunc
		check  Check
		passed bool
		status int
		want   string
	}{
		"200": {func(w http.ResponseWriter, r *http.Request) {}, Check{}, true, 200, "answered 200"},
		"204 is not 200": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, Check{}, false,
			204, "answered 204 No Content, want 200"},
		"503": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }, Check{}, false,
			503, "answered 503 Service Unavailable, want 200"},
		"503 that was asked": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) },
			Check{Status: 503}, true, 503, "answered 503"},
		"a status without name": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(599) }, Check{}, false,
			599, "answered 599, want 200"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://login.example/in?token=geheim", http.StatusFound)
		}, Check{}, false, 302,
			"answered 302 Found, want 200; redirects are not followed, it leads to https://login.example/in"},
		"the text": {func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "v1.8.0 ok") },
			Check{Contains: "v1.8.0"}, true, 200, `answered 200 with the text "v1.8.0"`},
		"another text": {func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "v1.7.0 ok") },
			Check{Contains: "v1.8.0"}, false, 200, `answered 200 without the text "v1.8.0"`},
		"text too far in": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(make([]byte, MaxBody))
			_, _ = io.WriteString(w, "late")
		}, Check{Contains: "late"}, false, 200, "without the text"},
		"silence": {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			Check{Timeout: 50 * time.Millisecond}, false, 0, "no answer within 50ms"},
		"a hang-up": {func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, Check{}, false, 0,
			"closed without a whole answer"},
		"a trickle": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}, Check{Timeout: 80 * time.Millisecond}, false, 200, "broke off"},
	} {
		t.Run(what, func(t *testing.T) {
			s := httptest.NewServer(c.answer)
			defer s.Close()
			c.check.URL = s.URL
			r := New(nil).Look(context.Background(), c.check)
			if r.Passed != c.passed || r.Status != c.status || !strings.Contains(r.Why, c.want) || r.URL != s.URL ||
				r.Took <= 0 {
				t.Errorf("got  %+v\nwant passed %v, %d: %s", r, c.passed, c.status, c.want)
			}
			if strings.Contains(r.Why, "geheim") || strings.Contains(r.Why, s.URL) {
				t.Errorf("too much is said: %s", r.Why)
			}
		})
	}
}

func TestLook_checks_certificates(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = nil
	defer s.Close()
	if r := New(nil).Look(context.Background(), Check{URL: s.URL}); r.Passed ||
		!strings.Contains(r.Why, "certificate is not valid") {
		t.Errorf("got %+v", r)
	}
}

func TestLook_names_a_closed_port_and_an_unusable_URL(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("http://%s/health", l.Addr())
	l.Close()
	for u, want := range map[string]string{url: "connection refused", "http://[::1": "cannot be used"} {
		if r := New(nil).Look(context.Background(), Check{URL: u}); r.Passed || !strings.Contains(r.Why, want) {
			t.Errorf("got %+v, want %s", r, want)
		}
	}
}
