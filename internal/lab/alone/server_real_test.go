//go:build real

package alone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is the PostgreSQL of this package's tests, on a free port, gone with them.
var server *postgres

// program is the fairlead under test.
var program string

type postgres struct {
	dir, bin string
	port     int
	cmd      *exec.Cmd
	who      *syscall.Credential
}

const password = "s3cr:et-pa-ss"

func TestMain(m *testing.M) {
	os.Exit(withServer(m))
}

func withServer(m *testing.M) int {
	s := &postgres{}
	if err := s.begin(); err != nil {
		fmt.Fprintln(os.Stderr, "start PostgreSQL:", err)
		return 1
	}
	defer s.end()
	server = s
	if err := build(s.dir); err != nil {
		fmt.Fprintln(os.Stderr, "build fairlead:", err)
		return 1
	}
	return m.Run()
}

// build makes the program, unless FAIRLEAD_BIN names a folder that has it.
func build(dir string) error {
	if bin := os.Getenv("FAIRLEAD_BIN"); bin != "" {
		program = filepath.Join(bin, "fairlead")
		return nil
	}
	program = filepath.Join(dir, "fairlead")
	out, err := exec.Command("go", "build", "-o", program, "fairlead/cmd/fairlead").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (s *postgres) begin() error {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return errors.New("no server programs in /usr/lib/postgresql; install the package postgresql")
	}
	s.bin = filepath.Dir(found[len(found)-1])
	var err error
	if s.dir, err = os.MkdirTemp("", "fairlead-alone-"); err != nil {
		return err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	home := filepath.Join(s.dir, "pg")
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(home, uid, gid); err != nil {
			return err
		}
	}
	pw := filepath.Join(s.dir, "pw")
	if err := os.WriteFile(pw, []byte(password+"\n"), 0o644); err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(s.bin, "initdb"), "-D", filepath.Join(home, "data"), "-U", "owner", "--pwfile", pw, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = &syscall.SysProcAttr{Credential: s.who}, home
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	return s.start()
}

func (s *postgres) start() error {
	home := filepath.Join(s.dir, "pg")
	s.cmd = exec.Command(filepath.Join(s.bin, "postgres"), "-D", filepath.Join(home, "data"), "-c", "listen_addresses=127.0.0.1",
		"-c", "port="+strconv.Itoa(s.port), "-c", "unix_socket_directories="+home, "-c", "fsync=off")
	s.cmd.SysProcAttr, s.cmd.Dir = &syscall.SysProcAttr{Credential: s.who}, home
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stderr = log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for range 400 {
		conn, err := pgx.Connect(context.Background(), s.url("postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		time.Sleep(50 * time.Millisecond)
	}
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return fmt.Errorf("it does not answer: %s", b)
}

func (s *postgres) end() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		_ = s.cmd.Wait()
	}
	_ = os.RemoveAll(s.dir)
}

func (s *postgres) url(database string) string {
	return fmt.Sprintf("postgres://owner:s3cr%%3Aet-pa-ss@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}
