package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"

	"fairlead/internal/backup/backuptest"
	"fairlead/internal/config"
)

// server is an S3 server in this process. On its own it knows no conditions at the end of an upload and copies no
// parts, as some servers; able adds both. full makes it refuse all writing, refuse is called for each request and may
// answer it.
type server struct {
	back   http.Handler
	mem    *s3mem.Backend
	able   bool
	mu     sync.Mutex // one publication at a time
	state  sync.Mutex // guards what follows
	full   bool
	refuse func(w http.ResponseWriter, r *http.Request) bool
}

func newServer(able bool) *server {
	mem := s3mem.New()
	return &server{back: gofakes3.New(mem, gofakes3.WithLogger(gofakes3.DiscardLog())).Server(), mem: mem, able: able}
}

func (s *server) set(change func()) {
	s.state.Lock()
	defer s.state.Unlock()
	change()
}

// ServeHTTP answers.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.state.Lock()
	full, refuse := s.full, s.refuse
	s.state.Unlock()
	if r.Method == http.MethodPut && r.ContentLength == 0 {
		r.Header.Set("Content-Length", "0") // this server wants to see it
	}
	if refuse != nil && refuse(w, r) {
		return
	}
	if full && (r.Method == http.MethodPut || r.Method == http.MethodPost && r.URL.Query().Has("uploadId")) {
		_, _ = io.Copy(io.Discard, r.Body)
		complain(w, http.StatusInsufficientStorage, "XMinioStorageFull")
		return
	}
	if !s.able {
		s.back.ServeHTTP(w, r)
		return
	}
	if source := r.Header.Get("X-Amz-Copy-Source"); source != "" && r.URL.Query().Has("uploadId") {
		s.copyPart(w, r, source)
		return
	}
	if r.Header.Get("If-None-Match") == "*" && r.Method != http.MethodGet {
		s.mu.Lock()
		defer s.mu.Unlock()
		head := httptest.NewRecorder()
		s.back.ServeHTTP(head, httptest.NewRequest(http.MethodHead, r.URL.Path, nil))
		if head.Code == http.StatusOK {
			_, _ = io.Copy(io.Discard, r.Body)
			complain(w, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
	}
	s.back.ServeHTTP(w, r)
}

func (s *server) copyPart(w http.ResponseWriter, r *http.Request, source string) {
	get := httptest.NewRequest(http.MethodGet, "/"+strings.TrimPrefix(source, "/"), nil)
	get.Header.Set("Range", r.Header.Get("X-Amz-Copy-Source-Range"))
	got := httptest.NewRecorder()
	s.back.ServeHTTP(got, get)
	put := httptest.NewRequest(http.MethodPut, r.URL.String(), bytes.NewReader(got.Body.Bytes()))
	put.Header.Set("Content-Length", fmt.Sprint(got.Body.Len()))
	answer := httptest.NewRecorder()
	s.back.ServeHTTP(answer, put)
	if got.Code >= 300 || answer.Code >= 300 {
		complain(w, http.StatusInternalServerError, "InternalError")
		return
	}
	fmt.Fprintf(w, "<CopyPartResult><ETag>%s</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></CopyPartResult>",
		strings.ReplaceAll(answer.Header().Get("ETag"), `"`, "&quot;"))
}

func complain(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: code, Message: "the test says so"})
}

// wire is a listener whose connections can be cut, all at once.
type wire struct {
	net.Listener
	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
}

// Accept hands out connections, and drops them at once while the wire is cut.
func (w *wire) Accept() (net.Conn, error) {
	for {
		c, err := w.Listener.Accept()
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		if !w.down {
			w.conns[c] = true
			w.mu.Unlock()
			return c, nil
		}
		w.mu.Unlock()
		c.Close()
	}
}

func (w *wire) cut() (mend func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
	for c := range w.conns {
		c.Close()
	}
	clear(w.conns)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.down = false
	}
}

// started serves on a wire; address is host and port.
func started(t *testing.T, h http.Handler) (address string, line *wire) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	line = &wire{Listener: l, conns: map[net.Conn]bool{}}
	srv := &httptest.Server{Listener: line, Config: &http.Server{Handler: h}}
	srv.Start()
	t.Cleanup(srv.Close)
	return l.Addr().String(), line
}

// settings are those for a server of the tests.
func settings(address string) Config {
	var c Config
	c.Defaults()
	c.Endpoint, c.Bucket, c.Prefix, c.PathStyle, c.PlainHTTP = config.Expandable(address), "backups",
		"shop/production", true, true
	c.AccessKey, c.SecretKey = config.NewSecret("fairlead-test"), config.NewSecret("fairlead-test-secret")
	c.PartMB, c.Timeout = 5, 5*time.Second
	return c
}

func opened(t *testing.T, c Config) *Store {
	t.Helper()
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bucketPlace is the place of the stores with these settings; hidden objects and uploads are looked for by a client of
// its own.
func bucketPlace(c Config) backuptest.Fixture {
	return backuptest.Fixture{
		Open:  func(t *testing.T) backuptest.Store { return opened(t, c) },
		Large: 11 << 20, // three parts
		Hidden: func(t *testing.T) []string {
			s := opened(t, c)
			return append(objectsUnder(t, s), uploads(t, s)...)
		},
	}
}

func objectsUnder(t *testing.T, s *Store) []string {
	t.Helper()
	var all []string
	for o := range s.core.ListObjectsIter(t.Context(), s.bucket,
		minio.ListObjectsOptions{Prefix: s.key(hiddenFolder), Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		all = append(all, "object "+o.Key)
	}
	return all
}

func uploads(t *testing.T, s *Store) []string {
	t.Helper()
	page, err := s.core.ListMultipartUploads(context.Background(), s.bucket, s.prefix, "", "", "", 1000)
	if err != nil && code(err) != "NoSuchUpload" {
		t.Fatal(err)
	}
	var all []string
	for _, u := range page.Uploads {
		all = append(all, "upload "+u.Key)
	}
	return all
}
