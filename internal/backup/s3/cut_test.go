package s3

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/config"
)

// saboteur stands in front of a server. At requests that it is told of it cuts the connection, in the middle of what
// comes or, with late, after the server has done what was asked, so that only the answer is lost. times limits how
// often; 0 is always.
type saboteur struct {
	next  http.Handler
	mu    sync.Mutex
	hit   func(*http.Request) bool
	late  bool
	times int
	hits  int
}

func (s *saboteur) aim(hit func(*http.Request) bool, late bool, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hit, s.late, s.times, s.hits = hit, late, times, 0
}

// ServeHTTP passes on, or cuts.
func (s *saboteur) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	strike := s.hit != nil && s.hit(r) && (s.times == 0 || s.hits < s.times)
	if strike {
		s.hits++
	}
	late := s.late
	s.mu.Unlock()
	switch {
	case strike && late:
		s.next.ServeHTTP(httptest.NewRecorder(), r)
	case strike:
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	default:
		s.next.ServeHTTP(w, r)
		return
	}
	panic(http.ErrAbortHandler) // ends the connection without an answer
}

func part(number string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == http.MethodPut && r.URL.Query().Get("partNumber") == number &&
			r.Header.Get("X-Amz-Copy-Source") == ""
	}
}

func complete(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
}

// named is the request that gives an object its name.
func named(r *http.Request) bool {
	return complete(r) && !strings.Contains(r.URL.Path, "/"+hiddenFolder)
}

func copying(r *http.Request) bool { return r.Header.Get("X-Amz-Copy-Source") != "" }

// noisy is content of n bytes, the same each time.
func noisy(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte("cut"))).Read(b)
	return b
}

// cuts cuts each request that makes an object, once and for good, and looks at what is left in the bucket.
func cuts(t *testing.T, next http.Handler) {
	text := noisy(17 << 20) // four parts
	for i, c := range []struct {
		name   string
		hit    func(*http.Request) bool
		late   bool
		times  int
		stands bool
	}{
		{"part 3 is cut once", part("3"), false, 1, true},
		{"the answer to part 3 is lost once", part("3"), true, 1, true},
		{"part 3 is always cut", part("3"), false, 0, false},
		{"the end of the upload is always cut", complete, false, 0, false},
		{"the answer to the end of the upload is lost once", complete, true, 1, true},
		{"the copy is always cut", copying, false, 0, false},
		{"the answer to the copy is lost once", copying, true, 1, true},
		{"the end of the copy is always cut", named, false, 0, false},
		{"the answer to the end of the copy is lost once", named, true, 1, true},
		{"the answers to the end of the copy are always lost", named, true, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cutter := &saboteur{next: next}
			address, _ := started(t, cutter)
			cfg := settings(address)
			cfg.Prefix += config.Expandable(fmt.Sprintf("/cut-%d", i))
			s := opened(t, cfg)
			if _, err := s.conditional(t.Context()); err != nil {
				t.Fatal(err)
			}
			cutter.aim(c.hit, c.late, c.times)
			begun := time.Now()
			p, err := s.Put(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Write(text)
			if err == nil {
				err = p.Commit(t.Context())
			}
			cutter.mu.Lock()
			hits := cutter.hits
			cutter.mu.Unlock()
			if hits == 0 {
				t.Fatal("nothing was cut")
			}
			t.Logf("%d cuts, %s, error: %v", hits, time.Since(begun).Round(time.Millisecond), err)
			if (err == nil) != c.stands {
				t.Errorf("the error is %v; an object was to stand: %v", err, c.stands)
			}
			cutter.aim(nil, false, 0)
			if err := p.Abort(); err != nil {
				t.Errorf("abort: %v", err)
			}
			if left := append(objectsUnder(t, s), uploads(t, s)...); len(left) != 0 {
				t.Errorf("there is left %v", left)
			}
			holds(t, s, text, c.stands)
		})
	}
}

// holds that the object is there whole, or not at all, and takes it away.
func holds(t *testing.T, s *Store, text []byte, stands bool) {
	t.Helper()
	r, err := s.Open(t.Context(), "a")
	if !stands {
		if !errors.Is(err, backup.ErrMissing) {
			t.Errorf("opening it gives %v, want ErrMissing", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(text) {
		t.Errorf("it has %d bytes that are not those that were written (error %v)", len(got), err)
	}
	if err := s.Delete(t.Context(), "a", "the test is over"); err != nil {
		t.Error(err)
	}
}

func TestCommit_is_all_or_nothing_wherever_the_connection_is_cut(t *testing.T) {
	srv := newServer(true)
	if err := srv.mem.CreateBucket("backups"); err != nil {
		t.Fatal(err)
	}
	cuts(t, srv)
}
