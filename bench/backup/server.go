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
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a PostgreSQL for the measurement, gone with it.
type server struct {
	bin  string
	port int
	cmd  *exec.Cmd
}

func (s *server) url(database string) string {
	return fmt.Sprintf("postgres://owner@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

func startServer(ctx context.Context, dir string) (*server, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return nil, errors.New("no server programs in /usr/lib/postgresql; install the package postgresql")
	}
	s := &server{bin: filepath.Dir(found[len(found)-1])}
	home := filepath.Join(dir, "pg")
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	var who *syscall.Credential
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(home, uid, gid); err != nil {
			return nil, err
		}
	}
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(s.bin, name), args...)
		cmd.SysProcAttr, cmd.Dir = &syscall.SysProcAttr{Credential: who, Pdeathsig: syscall.SIGQUIT}, home
		return cmd
	}
	if out, err := run("initdb", "-D", filepath.Join(home, "data"), "-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	s.cmd = run("postgres", "-D", filepath.Join(home, "data"), "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+home,
		"-c", "fsync=off", "-c", "max_wal_size=8GB", "-c", "shared_buffers=256MB", "-c", "autovacuum=off", "-c", "log_min_messages=fatal")
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			_, err = conn.Exec(ctx, "CREATE DATABASE bench")
			return s, errors.Join(err, conn.Close(ctx))
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.stop()
	return nil, errors.New("the server does not answer")
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	_ = s.cmd.Wait()
}

// fill makes about gb gigabytes on disk: half of it rows of numbers and padding, as pgbench has them, half of it texts and documents with
// an index each.
func (s *server) fill(ctx context.Context, gb int) (int64, error) {
	conn, err := pgx.Connect(ctx, s.url("bench"))
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	for _, sql := range []string{
		fmt.Sprintf(`CREATE UNLOGGED TABLE accounts AS SELECT n AS aid, n %% 100 AS bid, (n::bigint * 7919) %% 100000 AS abalance, repeat(' ', 84) AS filler FROM generate_series(1, %d) n`, gb*3_600_000),
		`ALTER TABLE accounts ADD PRIMARY KEY (aid)`,
		fmt.Sprintf(`CREATE UNLOGGED TABLE notes AS SELECT n AS id, md5(n::text) || ' ' || md5((n::bigint * 3)::text) || repeat(' lorem ipsum dolor', 6 + n %% 7) AS body,
			jsonb_build_object('order', n, 'state', (ARRAY['new', 'paid', 'sent'])[1 + n %% 3], 'tags', jsonb_build_array(md5((n %% 5000)::text), 'x'), 'at', now()) AS doc
			FROM generate_series(1, %d) n`, gb*800_000),
		`CREATE INDEX ON notes USING gin (doc)`, `VACUUM ANALYZE`, `CHECKPOINT`,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return 0, fmt.Errorf("%.40s: %w", sql, err)
		}
	}
	var size int64
	err = conn.QueryRow(ctx, "SELECT pg_database_size('bench')").Scan(&size)
	return size, err
}
