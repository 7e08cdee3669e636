//go:build real

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/config"
)

// testServer is a PostgreSQL server for this package's tests, on a free port, gone with the tests.
type testServer struct {
	dir, bin string
	port     int
	cmd      *exec.Cmd
	who      *syscall.Credential
}

const testPassword = "s3cr:et\\pa-ss"

var server *testServer // of TestMain

// TestMain also lets the test binary be the agent on a host.
func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		os.Exit(operate())
	}
	if isAgent() {
		os.Exit(beAgent())
	}
	os.Exit(withServer(m))
}

func withServer(m *testing.M) int {
	s, err := startServer()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start PostgreSQL:", err)
		return 1
	}
	defer s.stop()
	server = s
	return m.Run()
}

func startServer() (*testServer, error) {
	s := &testServer{}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return nil, errors.New("no server programs in /usr/lib/postgresql; install the package postgresql")
	}
	s.bin = filepath.Dir(found[len(found)-1])
	if other := os.Getenv("FAIRLEAD_POSTGRES_BIN"); other != "" {
		s.bin = other // make oracle
	}
	dir, err := os.MkdirTemp("", "fairlead-pg-")
	if err != nil {
		return nil, err
	}
	s.dir = dir
	if os.Getuid() == 0 {
		if err := s.becomePostgres(); err != nil {
			return nil, err
		}
	}
	pw := filepath.Join(dir, "pw")
	if err := os.WriteFile(pw, []byte(testPassword+"\n"), 0o644); err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(s.bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "owner", "--pwfile", pw, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: s.who}
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := os.Remove(pw); err != nil {
		return nil, err
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	return s, s.start()
}

func (s *testServer) becomePostgres() error {
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	s.who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.dir, uid, gid)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (s *testServer) start() error {
	s.cmd = exec.Command(filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data"), "-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(s.port),
		"-c", "unix_socket_directories="+s.dir, "-c", "fsync=off", "-c", "max_prepared_transactions=2")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.who}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stderr, s.cmd.Dir = log, s.dir
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for range 200 {
		conn, err := pgx.Connect(context.Background(), s.url("owner", "postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		time.Sleep(50 * time.Millisecond)
	}
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return fmt.Errorf("it does not answer: %s", b)
}

// stop ends it at once and removes everything.
func (s *testServer) stop() {
	s.halt()
	_ = os.RemoveAll(s.dir)
}

// halt is what a crash is to the server.
func (s *testServer) halt() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	_ = s.cmd.Wait()
}

func (s *testServer) url(who, database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", who, strings.NewReplacer(":", "%3A", `\`, "%5C").Replace(testPassword), s.port, database)
}

func (s *testServer) log(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// fresh makes a database for one test and gives its URL.
func fresh(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	admin(t, server.url("owner", "postgres"), "CREATE DATABASE "+name)
	t.Cleanup(func() { admin(t, server.url("owner", "postgres"), "DROP DATABASE "+name+" WITH (FORCE)") })
	return server.url("owner", name)
}

// admin runs SQL beside the code under test.
func admin(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range statements {
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func ask[T any](t *testing.T, url, sql string, args ...any) T {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var v T
	if err := conn.QueryRow(context.Background(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// opened gives a Database for a URL, as run r-one of shop in production.
func opened(t *testing.T, url string, change ...func(*Config)) *Database {
	t.Helper()
	c := Config{URL: config.NewSecret(url)}
	for _, f := range change {
		f(&c)
	}
	s := Session{App: "shop", Environment: "production", Run: "r-one"}
	if os.Getenv("FAIRLEAD_TEST_VIA") != "" && c.Via == "" {
		c.Via, s.Reach = ViaSSH, throughHost(t) // all tests of this package, by way of a host
	}
	if c.Via == ViaSSH && s.Reach == nil {
		s.Reach = throughHost(t)
	}
	d, err := Open(c, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func urlPassword(url string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres://owner:"), "@")
	return word
}

// openedOr gives what a first question says, whether Open or the connection fails.
func openedOr(t *testing.T, url string) (any, error) {
	t.Helper()
	d, err := Open(Config{URL: config.NewSecret(url)}, Session{Run: "r-one"})
	if err != nil {
		return nil, err
	}
	return d.Identity(context.Background())
}
