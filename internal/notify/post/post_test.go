package post

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func now() time.Time { return time.Date(2026, 11, 24, 20, 30, 0, 0, time.UTC) }

func TestPost_says_why_and_whether_another_try_helps(t *testing.T) {
	for what, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
		after  time.Duration
		retry  bool
	}{
		"accepted": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, "", 0, false},
		"a permanent refusal": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			_, _ = io.WriteString(w, "channel_is_archived\n")
		}, "it answered 404 channel_is_archived", 0, false},
		"an answer that echoes": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, r.URL.String())
		}, "it answered 400", 0, false},
		"a request to slow down": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
		}, "it answered 429", 7 * time.Second, true},
		"a date to come back at": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", now().Add(time.Minute).Format(http.TimeFormat))
			w.WriteHeader(503)
		}, "it answered 503", time.Minute, true},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
			"it answered 307", 0, false},
		"a hang-up": {func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
			"the connection broke off", 0, true},
	} {
		t.Run(what, func(t *testing.T) {
			s := httptest.NewServer(c.answer)
			defer s.Close()
			err := New(nil, now).Post(context.Background(), s.URL+"/T00/geheim", nil, []byte("{}"))
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var trouble *Trouble
			if !errors.As(err, &trouble) || err.Error() != c.want || trouble.After != c.after ||
				trouble.Retry != c.retry {
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestPost_never_says_the_URL(t *testing.T) {
	for _, u := range []string{"http://127.0.0.1:1/geheim", "http://geheim.invalid/geheim", "http://[::geheim",
		"geheim://x/y", "http://127.0.0.1:99999/geheim"} {
		err := New(nil, now).Post(context.Background(), u, nil, nil)
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: got %v", u, err)
		}
	}
}

func TestPost_refuses_a_message_without_bounds(t *testing.T) {
	if err := New(nil, now).Post(context.Background(), "http://127.0.0.1:1", nil,
		make([]byte, maxBody+1)); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("got %v", err)
	}
}
