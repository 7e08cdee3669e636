package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BinVar names the folder of the built programs; without it, bin/ of the checkout.
const BinVar = "FAIRLEAD_BIN"

// Fairlead makes a fairlead command that runs in dir, in the lab's network, with
// the variables that the stack's configuration expects. Its process id is
// fairlead's own.
func (s *Stack) Fairlead(ctx context.Context, dir string, args ...string) *exec.Cmd {
	bin := os.Getenv(BinVar)
	if bin == "" {
		if root, err := ModuleRoot(); err == nil {
			bin = filepath.Join(root, "bin")
		}
	}
	cmd := s.Lab.Command(ctx, filepath.Join(bin, "fairlead"), args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "PROD_DB_URL="+s.DatabaseURL)
	return cmd
}

// SmallDisk mounts an empty disk of this many bytes over a folder of the host,
// owned by the deploy user, and gives what takes it away again. Only programs
// on the host see it, not those of this machine.
func (l *Lab) SmallDisk(ctx context.Context, dir string, size int64) (func() error, error) {
	options := fmt.Sprintf("size=%d,uid=%d,gid=%d,mode=775", size, l.Uid, l.Gid)
	if out, err := l.HostCommand(ctx, "mount", "-t", "tmpfs", "-o", options, "tmpfs",
		dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mount a small disk on %s: %w: %s", dir, err, out)
	}
	return func() error {
		out, err := l.HostCommand(context.WithoutCancel(ctx), "umount", "-l", dir).CombinedOutput()
		if err != nil {
			return fmt.Errorf("unmount %s: %w: %s", dir, err, out)
		}
		return nil
	}, nil
}
