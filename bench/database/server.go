package main

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

	"github.com/jackc/pgx/v5"
)

// server is a PostgreSQL for the measurement, gone with it. It flushes to disk, as production does.
type server struct {
	port int
	ctl  func(args ...string) error
}

func (s *server) url(database string) string {
	return fmt.Sprintf("postgres://owner@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

func startServer(ctx context.Context, dir string) (*server, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	if len(found) == 0 {
		return nil, errors.New("no server programs in /usr/lib/postgresql; install the package postgresql")
	}
	home := filepath.Join(dir, "pg")
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	who, err := owner(home)
	if err != nil {
		return nil, err
	}
	s := &server{}
	s.ctl = func(args ...string) error {
		cmd := exec.Command(found[len(found)-1], append([]string{"-D", filepath.Join(home, "data"), "-s", "-w"}, args...)...)
		cmd.SysProcAttr, cmd.Dir = &syscall.SysProcAttr{Credential: who}, home
		return cmd.Run()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	if err := s.ctl("init", "-o", "-U owner -A trust -E UTF8 --locale=C.UTF-8"); err != nil {
		return nil, fmt.Errorf("make a server: %w", err)
	}
	options := fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories=%s -c log_min_messages=fatal", s.port, home)
	if err := s.ctl("start", "-l", filepath.Join(home, "log"), "-o", options); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		s.stop()
		return nil, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE bench"); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// owner is whom the server runs as: postgres when this is root, who may not be.
func owner(home string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(home, uid, gid)
}

func (s *server) stop() { _ = s.ctl("stop", "-m", "immediate") }
