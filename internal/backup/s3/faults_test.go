package s3

import (
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/config"
	"fairlead/internal/fault"
)

// wrong asks for a fault of a code, in three parts, without the secret.
func wrong(t *testing.T, err error, code fault.Code) {
	t.Helper()
	f, ok := fault.Find(err)
	if !ok || f.Code != code {
		t.Fatalf("got %v, want a fault of code %s", err, code)
	}
	text := f.Text()
	if f.Means == "" || len(f.Do) == 0 || !strings.Contains(text, "production is unchanged") {
		t.Errorf("it has not three parts:\n%s", text)
	}
	if strings.Contains(text, "fairlead-test-secret") || strings.Contains(text, "Signature=") {
		t.Errorf("it tells the secret:\n%s", text)
	}
}

func TestReady_says_what_is_wrong_in_three_parts(t *testing.T) {
	srv := newServer(true)
	plain, _ := started(t, srv)
	secure := httptest.NewTLSServer(srv)
	t.Cleanup(secure.Close)
	secureAt := secure.Listener.Addr().String()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	saying := func(status int, word string) string {
		at, _ := started(t,
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { complain(w, status, word) }))
		return at
	}
	for _, c := range []struct {
		name, at string
		code     fault.Code
		secure   bool
	}{
		{"there is no such bucket", plain, "backup-store-missing", false},
		{"the key is unknown", saying(403, "InvalidAccessKeyId"), "backup-store-denied", false},
		{"the secret is wrong", saying(403, "SignatureDoesNotMatch"), "backup-store-denied", false},
		{"the key may not", saying(403, "AccessDenied"), "backup-store-denied", false},
		{"the region is another", saying(400, "AuthorizationHeaderMalformed"), "backup-store-region", false},
		{"the clocks differ", saying(403, "RequestTimeTooSkewed"), "clock-differs", false},
		{"nobody listens", closed.Addr().String(), "backup-store-unreachable", false},
		{"it accepts and never answers", silent.Addr().String(), "backup-store-unreachable", false},
		{"the name cannot be resolved", "s3.nowhere.invalid", "backup-store-unreachable", false},
		{"its certificate is of an unknown authority", secureAt, "backup-store-tls", true},
		{"it speaks no TLS", plain, "backup-store-tls", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := settings(c.at)
			cfg.PlainHTTP, cfg.Timeout = !c.secure, time.Second
			s := opened(t, cfg)
			wrong(t, s.Ready(t.Context()), c.code)
			p, err := s.Put(t.Context(), "a")
			if err == nil { // asking for one name says less than listing does
				_, err = p.Write([]byte("x"))
				if err == nil {
					err = p.Commit(t.Context())
				}
			}
			if err == nil {
				t.Error("an object was committed all the same")
			}
		})
	}
}

func TestReady_trusts_the_authority_that_is_named(t *testing.T) {
	srv := newServer(true)
	if err := srv.mem.CreateBucket("backups"); err != nil {
		t.Fatal(err)
	}
	secure := httptest.NewTLSServer(srv)
	defer secure.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}),
		0o600); err != nil {
		t.Fatal(err)
	}
	c := settings(secure.Listener.Addr().String())
	c.PlainHTTP, c.CA = false, config.Path(ca)
	if err := opened(t, c).Ready(t.Context()); err != nil {
		t.Error(err)
	}
	c.CA = config.Path(filepath.Join(t.TempDir(), "none.pem"))
	if _, err := Open(c); err == nil {
		t.Error("a file that is not there was taken")
	}
}

func TestOpen_tells_an_object_that_ends_early(t *testing.T) {
	at, _ := started(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	r, err := opened(t, settings(at)).Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got error
	for b := make([]byte, 10); got == nil; {
		_, got = r.Read(b)
	}
	if got.Error() == "EOF" {
		t.Error("an object that was cut reads as if it were whole")
	}
}

func TestFull_is_ErrFull_and_a_fault(t *testing.T) {
	at, _ := started(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		complain(w, http.StatusInsufficientStorage, "XMinioStorageFull")
	}))
	p, err := opened(t, settings(at)).Put(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	err = p.Commit(t.Context())
	if !errors.Is(err, backup.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	wrong(t, err, "backup-store-full")
}

func TestValidate_names_the_key_that_cannot_be(t *testing.T) {
	for _, c := range []struct {
		key    string
		change func(*Config)
	}{
		{"", func(*Config) {}},
		{"", func(c *Config) { c.Endpoint = "[::1]:9000" }},
		{"endpoint", func(c *Config) { c.Endpoint = "https://s3.example" }},
		{"endpoint", func(c *Config) { c.Endpoint = "s3.example/bucket" }},
		{"endpoint", func(c *Config) { c.Endpoint = ":9000" }},
		{"bucket", func(c *Config) { c.Bucket = "" }},
		{"prefix", func(c *Config) { c.Prefix = "../elsewhere" }},
		{"prefix", func(c *Config) { c.Prefix = "a//b" }},
		{"part_size_mb", func(c *Config) { c.PartMB = 4 }},
		{"timeout", func(c *Config) { c.Timeout = 0 }},
	} {
		cfg := settings("s3.example:9000")
		c.change(&cfg)
		if key, err := cfg.Validate(); key != c.key || (err == nil) != (key == "") {
			t.Errorf("%+v: the key is %q (error %v), want %q", cfg, key, err, c.key)
		}
	}
}
