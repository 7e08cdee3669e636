// Package postgrestest starts a real PostgreSQL server for tests and measurements, on a free port of this machine and
// gone with them. It is test-only, and takes the newest server programs in Debian's folder, or those in
// FAIRLEAD_POSTGRES_BIN. The lab's server is another one: it stays between the tests of several packages.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options say which server. The zero value is one that trusts everybody and does not wait for the disk.
type Options struct {
	Password string              // of owner, the superuser; "" asks nobody for one
	Database string              // that is made at once, beside postgres; "" makes none
	Settings []string            // of the server, name=value each
	Flush    bool                // to the disk, as production does
	Attr     syscall.SysProcAttr // of its processes; whom they run as is Start's matter
}

// Server is one that runs, or has been halted.
type Server struct {
	Dir  string              // its own folder, with the cluster in "data" and what it says in "log"
	Bin  string              // folder of the server programs
	Port int                 // on 127.0.0.1
	Who  *syscall.Credential // whom it runs as: user postgres for root, who may not; else nil

	options Options
	cmd     *exec.Cmd
}

// Start makes a cluster and starts its server. Stop must be called on it. An error says what is missing on this
// machine.
func Start(o Options) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{Bin: bin, options: o}
	if s.Dir, err = os.MkdirTemp("", "fairlead-pg-"); err != nil {
		return nil, err
	}
	for _, step := range []func() error{s.becomePostgres, s.initdb, s.choosePort, s.Resume, s.createDatabase} {
		if err := step(); err != nil {
			s.Stop()
			return nil, err
		}
	}
	return s, nil
}

func programs() (string, error) {
	if bin := os.Getenv("FAIRLEAD_POSTGRES_BIN"); bin != "" {
		return bin, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("no server programs in /usr/lib/postgresql; install the package postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func (s *Server) becomePostgres() error {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	s.Who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return s.Own(s.Dir)
}

func (s *Server) initdb() error {
	args := []string{"-D", filepath.Join(s.Dir, "data"), "-U", "owner", "-E", "UTF8", "--locale=C.UTF-8"}
	if s.options.Password == "" {
		args = append(args, "-A", "trust")
	} else {
		file := filepath.Join(s.Dir, "password")
		if err := os.WriteFile(file, []byte(s.options.Password+"\n"), 0o644); err != nil {
			return err
		}
		defer os.Remove(file)
		args = append(args, "-A", "scram-sha-256", "--pwfile", file)
	}
	if !s.options.Flush {
		args = append(args, "--no-sync")
	}
	if out, err := s.Command("initdb", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func (s *Server) choosePort() (err error) {
	s.Port, err = FreePort()
	return err
}

// FreePort gives a port of 127.0.0.1 on which nobody listens now.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Command is a server program that runs as the server's user, in its folder.
func (s *Server) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.Bin, name), args...)
	attr := s.options.Attr
	attr.Credential = s.Who
	cmd.SysProcAttr, cmd.Dir = &attr, s.Dir
	return cmd
}

// Resume starts it after Halt, on the same port, and waits until it answers.
func (s *Server) Resume() error {
	args := []string{"-D", filepath.Join(s.Dir, "data"), "-c", "listen_addresses=127.0.0.1", "-c", "port=" +
		strconv.Itoa(s.Port), "-c", "unix_socket_directories=" + s.Dir}
	if !s.options.Flush {
		args = append(args, "-c", "fsync=off")
	}
	for _, setting := range s.options.Settings {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.Command("postgres", args...)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	for range 400 {
		conn, err := pgx.Connect(context.Background(), s.URL("owner", "postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		time.Sleep(50 * time.Millisecond)
	}
	said, _ := s.Log()
	return fmt.Errorf("it does not answer: %s", said)
}

func (s *Server) createDatabase() error {
	if s.options.Database == "" {
		return nil
	}
	conn, err := pgx.Connect(context.Background(), s.URL("owner", "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), "CREATE DATABASE "+pgx.Identifier{s.options.Database}.Sanitize())
	return err
}

// Halt ends it at once, as a crash does.
func (s *Server) Halt() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Stop ends it at once and removes everything.
func (s *Server) Stop() {
	s.Halt()
	_ = os.RemoveAll(s.Dir)
}

// URL is that of a database of it, by its name as a URL spells it, for a role whose password is owner's.
func (s *Server) URL(who, database string) string {
	as := url.User(who)
	if s.options.Password != "" {
		as = url.UserPassword(who, s.options.Password)
	}
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", as, s.Port, database)
}

// Log is what it has said so far.
func (s *Server) Log() (string, error) {
	b, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

// Own gives a file or folder to the user whom the server runs as.
func (s *Server) Own(path string) error {
	if s.Who == nil {
		return nil
	}
	return os.Chown(path, int(s.Who.Uid), int(s.Who.Gid))
}
