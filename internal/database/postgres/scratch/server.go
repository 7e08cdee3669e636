package scratch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/config"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/tempdir"
)

const (
	scratchUser    = "fairlead_scratch" // the superuser of a scratch server
	startLimit     = 60 * time.Second
	maxSocketPath  = 100 // bytes that a system surely takes, with the name of the socket
	scratchProgram = "postgres"
)

// A scratchServer is a PostgreSQL server made of the programs on this machine, which holds nothing but scratch
// databases. It listens on a socket in a directory that only its user can enter. It ends with the process that started
// it, whatever ends that.
type scratchServer struct {
	home    *tempdir.Dir
	user    *syscall.Credential // nil for the process's own
	version string
	port    int // on the loopback address; 0 when nobody asked for it
	process *os.Process
	ended   chan struct{}
	how     error // valid once ended is closed
	said    *server.Tail
}

// A serverPlan is how a scratch server is to be: at least of this major version, with the settings of the server that
// it stands for.
type serverPlan struct {
	major    int
	programs string // directory with initdb and postgres; "" looks in the usual places
	below    string // directory in which its own is made
	settings map[string]string
	loopback bool // listen on 127.0.0.1 too, with passwords
}

// startScratchServer starts one and waits until it answers. plain says that the settings could not be taken over:
// another version, or another build of the programs, need not know them all.
func startScratchServer(ctx context.Context, p serverPlan) (s *scratchServer, plain bool, err error) {
	if s, err = startOnce(ctx, p); err == nil || len(p.settings) == 0 || ctx.Err() != nil ||
		!errors.Is(err, errSettings) {
		return s, false, err
	}
	p.settings = nil
	s, err = startOnce(ctx, p)
	return s, true, err
}

// errSettings means that the server ended instead of answering.
var errSettings = errors.New("the scratch server ended at once")

func startOnce(ctx context.Context, p serverPlan) (*scratchServer, error) {
	initdb, v, err := serverProgram(ctx, p)
	if err != nil {
		return nil, err
	}
	sweepHomes(ctx, p.below)
	home, user, err := openHome(p.below)
	if err != nil {
		return nil, err
	}
	s := &scratchServer{home: home, user: user, version: v, ended: make(chan struct{})}
	if len(s.socket())+len("/.s.PGSQL.5432") > maxSocketPath {
		home.Remove()
		return nil, fmt.Errorf("the path %s is too long for a socket; set rehearse.directory to a shorter one",
			home.Path)
	}
	if err := s.begin(ctx, initdb, p); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *scratchServer) socket() string { return s.home.Path }
func (s *scratchServer) data() string   { return filepath.Join(s.home.Path, "data") }

func (s *scratchServer) begin(ctx context.Context, initdb string, p serverPlan) error {
	args := []string{"--pgdata=" + s.data(), "--username=" + scratchUser, "--auth-local=trust",
		"--auth-host=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"}
	made, said := s.child(initdb, args...)
	server.DieWithParent(made.SysProcAttr, syscall.SIGKILL)
	if err := server.RunOnOwnThread(ctx, made); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, server.Shortened(said.String(), 500))
	}
	if p.loopback {
		port, err := unusedPort()
		if err != nil {
			return err
		}
		s.port = port
	}
	postmaster, said := s.child(filepath.Join(filepath.Dir(initdb), scratchProgram), s.arguments(p)...)
	server.DieWithParent(postmaster.SysProcAttr, syscall.SIGQUIT) // ends its own children at once
	s.said = said
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := postmaster.Start()
		started <- err
		if err != nil {
			close(s.ended)
			return
		}
		s.how = postmaster.Wait()
		close(s.ended)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", postmaster.Path, err)
	}
	s.process = postmaster.Process
	return s.answers(ctx)
}

// child prepares a program of the server: as the unprivileged user, in its own directory, with nothing of our
// environment that matters.
func (s *scratchServer) child(path string, args ...string) (*exec.Cmd, *server.Tail) {
	cmd := exec.Command(path, args...)
	said := &server.Tail{}
	cmd.Env = slices.DeleteFunc(server.CleanEnviron(os.Environ()),
		func(v string) bool { return strings.HasPrefix(v, "HOME=") || strings.HasPrefix(v, "TMPDIR=") })
	cmd.Env = append(cmd.Env, "HOME="+s.home.Path, "TMPDIR="+s.home.Path)
	cmd.Dir, cmd.Stderr, cmd.WaitDelay = s.home.Path, said, server.CloseLimit
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.user}
	return cmd, said
}

func (s *scratchServer) arguments(p serverPlan) []string {
	listen := ""
	if s.port != 0 {
		listen = "127.0.0.1"
	}
	settings := map[string]string{}
	for name, value := range p.settings {
		settings[name] = value
	}
	for name, value := range map[string]string{"listen_addresses": listen, "port": strconv.Itoa(s.listens()),
		"unix_socket_directories": s.socket(), "unix_socket_permissions": "0700",
		"logging_collector": "off", "log_destination": "stderr", "autovacuum": "off", "max_wal_senders": "0",
		"max_logical_replication_workers": "0", "archive_mode": "off", "cluster_name": "fairlead_rehearsal"} {
		settings[name] = value
	}
	args := []string{"-D", s.data()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// listens is the port in the name of the socket.
func (s *scratchServer) listens() int {
	if s.port != 0 {
		return s.port
	}
	return 5432
}

// unusedPort asks the system for a port that nobody listens on now.
func unusedPort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a port for the scratch server: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// answers waits until the server takes connections.
func (s *scratchServer) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.url(scratchUser, "postgres").Reveal())
		if err == nil {
			server.Close(ctx, conn)
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("%w: %v: %s", errSettings, s.how, server.Shortened(s.said.String(), 500))
		case <-ctx.Done():
			return fmt.Errorf("the scratch server does not answer (%w): %s", context.Cause(ctx),
				server.Shortened(s.said.String(), 500))
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// url names a database of the server by its socket.
func (s *scratchServer) url(who, database string) config.Secret {
	u := url.URL{Scheme: "postgres", User: url.User(who), Path: "/" + database,
		RawQuery: url.Values{"host": {s.socket()}, "port": {strconv.Itoa(s.listens())},
			"sslmode": {"disable"}}.Encode()}
	return config.NewSecret(u.String())
}

// loopback names a database by its address, for a role that gets a password for it.
func (s *scratchServer) loopback(ctx context.Context, who, database string) (config.Secret, error) {
	password := rand.Text()
	conn, err := pgx.Connect(ctx, s.url(scratchUser, "postgres").Reveal())
	if err != nil {
		return config.Secret{}, fmt.Errorf("reach the scratch server: %w", err)
	}
	defer server.Close(ctx, conn)
	if err := server.Run(ctx, conn, "set a password", "ALTER ROLE "+pgx.Identifier{who}.Sanitize()+" PASSWORD "+
		server.Literal(password)); err != nil {
		return config.Secret{}, err
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(who, password), Host: net.JoinHostPort("127.0.0.1",
		strconv.Itoa(s.port)), Path: "/" + database, RawQuery: "sslmode=disable"}
	return config.NewSecret(u.String()), nil
}

// stop ends the server at once, which loses nothing that anybody needs, and removes its directory.
func (s *scratchServer) stop() {
	if s.process != nil {
		_ = s.process.Signal(syscall.SIGQUIT)
		select {
		case <-s.ended:
		case <-time.After(10 * time.Second):
			_ = s.process.Kill()
			<-s.ended
		}
	}
	s.home.Remove()
}

// serverProgram finds initdb, with postgres beside it, of at least this major version; the server's own major comes
// first.
func serverProgram(ctx context.Context, p serverPlan) (path, v string, err error) {
	candidates := server.Candidates("", "initdb", p.major)
	if p.programs != "" {
		candidates = []string{filepath.Join(p.programs, "initdb")}
	}
	var tooOld []string
	for _, c := range candidates {
		found, err := exec.LookPath(c)
		if err != nil {
			continue
		}
		if found, err = filepath.EvalSymlinks(found); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(found), scratchProgram)); err != nil {
			continue
		}
		if v, err = server.ProgramVersion(ctx, found); err != nil {
			return "", "", err
		}
		if server.LeadingNumber(v) >= p.major {
			return found, v, nil
		}
		tooOld = append(tooOld, v)
	}
	if len(tooOld) > 0 {
		return "", "", fmt.Errorf("%w: the server programs here are of version %s, the database is of version %d",
			errNoServer, strings.Join(tooOld, ", "), p.major)
	}
	return "", "", fmt.Errorf("%w: there are no server programs (initdb, postgres) of version %d or newer here "+
		"(looked for %s)", errNoServer, p.major, strings.Join(candidates, ", "))
}

// errNoServer means that no server can be started from what is installed.
var errNoServer = errors.New("no scratch server can be started on this machine")
