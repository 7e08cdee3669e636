package scratch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fairlead/internal/database/postgres/tempdir"
)

const homePrefix = "fairlead-rehearsal-"

// openHome makes the directory of a server for scratch databases. Where the process runs as root, it belongs to the
// unprivileged user that is given with it, for PostgreSQL does not run as root.
func openHome(below string) (*tempdir.Dir, *syscall.Credential, error) {
	d, err := tempdir.Make(below, homePrefix)
	if err != nil || os.Geteuid() != 0 {
		return d, nil, err
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		d.Remove()
		return nil, nil, fmt.Errorf("PostgreSQL does not run as root, and there is neither a user postgres nor "+
			"nobody: %w", err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	if err := os.Chown(d.Path, int(uid), int(gid)); err != nil {
		d.Remove()
		return nil, nil, err
	}
	return d, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// sweepHomes removes what dead processes of this user left below a directory, servers included, and says what.
func sweepHomes(ctx context.Context, below string) []string {
	return tempdir.Sweep(below, homePrefix, func(dir string) { endServerOf(ctx, filepath.Join(dir, "data")) })
}

// endServerOf ends a server that still works in a directory whose owner is gone. It ends only what says itself that it
// works there; where that cannot be seen, the server ends by itself within a minute of the removal of its directory.
func endServerOf(ctx context.Context, data string) {
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return
	}
	word, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(word))
	if err != nil || pid <= 1 {
		return
	}
	for range 250 {
		at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		if err != nil || at != data || ctx.Err() != nil {
			return
		}
		if errors.Is(syscall.Kill(pid, syscall.SIGQUIT), syscall.ESRCH) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}
