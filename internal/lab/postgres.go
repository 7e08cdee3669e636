package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresServer is a PostgreSQL cluster in the lab's folder. It does not wait
// for the disk: no test here crashes the operating system.
type postgresServer struct {
	dir string
	p   process
}

func (s *postgresServer) data() string { return filepath.Join(s.dir, "pg", "data") }

func (s *postgresServer) start(ctx context.Context) error {
	who, err := credentialOf("postgres")
	if err != nil {
		return err
	}
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(s.data(), "PG_VERSION")); err != nil {
		if err := s.initdb(ctx, bin, who); err != nil {
			return err
		}
	}
	if err := s.endOrphans(ctx); err != nil {
		return err
	}
	argv := []string{filepath.Join(bin, "postgres"), "-D", s.data(),
		"-c", "listen_addresses=127.0.0.1",
		"-c", "port=" + strconv.Itoa(postgresPort),
		"-c", "unix_socket_directories=" + filepath.Join(s.dir, "pg"),
		"-c", "fsync=off",
		"-c", "full_page_writes=off",
		"-c", "max_connections=200",
		"-c", "log_line_prefix=%m [%p] %u@%d ",
	}
	lab, err := describe(s.dir)
	if err != nil {
		return err
	}
	return waitFor(ctx, "postgres", 3*time.Minute, func(ctx context.Context) error {
		// One that ended at once is started again: what it met may have gone meanwhile.
		if ended := s.p.running(); ended != nil {
			if err := s.p.run(s.dir, "postgres", who, argv...); err != nil {
				return errors.Join(ended, err)
			}
		}
		c, err := pgx.Connect(ctx, lab.DatabaseURL)
		if err != nil {
			return err
		}
		return c.Close(ctx)
	})
}

func (s *postgresServer) initdb(ctx context.Context, bin string, who *syscall.Credential) error {
	home := filepath.Join(s.dir, "pg")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	password, err := os.ReadFile(filepath.Join(s.dir, "etc", "password"))
	if err != nil {
		return err
	}
	pwfile := filepath.Join(home, "password")
	if err := os.WriteFile(pwfile, password, 0o600); err != nil {
		return err
	}
	defer os.Remove(pwfile)
	if err := chownTree(home, int(who.Uid), int(who.Gid)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "postgres",
		"-A", "scram-sha-256", "--pwfile", pwfile, "--no-sync", "-E", "UTF8", "--locale", "C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	cmd.Dir = home
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func (s *postgresServer) stop(hard bool) error {
	if hard {
		return s.p.end(syscall.SIGKILL, 10*time.Second)
	}
	return s.p.end(syscall.SIGINT, 30*time.Second) // fast shutdown
}

// endOrphans waits for the sessions of a server that was killed. Each ends by itself as soon as it looks up from its
// work; those that do not within two seconds are killed. Until all are gone they hold the shared memory of the cluster,
// and no server starts on it.
func (s *postgresServer) endOrphans(ctx context.Context) error {
	patient := time.Now().Add(2 * time.Second)
	return waitFor(ctx, "the end of orphaned sessions", time.Minute, func(context.Context) error {
		left := workingIn(s.data())
		if time.Now().After(patient) {
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("processes %v are still there", left)
		}
		return nil
	})
}

// workingIn lists the processes of the lab whose current folder this is, as that of all processes of a server is its
// cluster's.
func workingIn(dir string) []int {
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if at, err := os.Readlink(link); err != nil || at != dir {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// postgresBin is the folder of the newest server programs on this machine.
func postgresBin() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if p, err := exec.LookPath("initdb"); err == nil {
			return filepath.Dir(p), nil
		}
		return "", errors.New("no PostgreSQL server here: run scripts/install.sh")
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) })
	return filepath.Dir(newest), nil
}

func major(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

func credentialOf(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
