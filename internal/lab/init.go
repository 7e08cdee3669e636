package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Init is the lab's first process: it lays the namespaces out, runs Serve in a
// child, buries what the children leave, and removes the lab when Serve ends,
// a signal comes, the lifeline closes or the time is over. Only the hidden
// command `lab init` calls it, as process 1 of new namespaces.
func Init(dir string, limit time.Duration, watched bool) error {
	if os.Getpid() != 1 {
		return errors.New("init is not the first process of a namespace")
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if err := introduce(dir); err != nil {
		return err
	}
	if err := furnish(dir); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	serve, err := os.StartProcess(program, []string{program, "serve", dir}, &os.ProcAttr{
		Files: []*os.File{nil, os.Stdout, os.Stderr},
	})
	if err != nil {
		return err
	}
	served := make(chan struct{})
	go bury(serve.Pid, served)
	select {
	case <-served:
	case <-signals:
	case <-closed(watched):
	case <-time.After(limit):
	}
	return vacate(dir)
}

// introduce writes down who this process is on the machine, while the
// machine's own /proc is still the one that is mounted.
func introduce(dir string) error {
	name, err := os.Readlink("/proc/self")
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(name)
	if err != nil {
		return err
	}
	p, err := describeProcess(pid)
	if err != nil {
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(firstFile(dir), text, 0o644)
}

// closed gives a channel that closes with the lifeline in descriptor 3.
func closed(watched bool) <-chan struct{} {
	if !watched {
		return nil
	}
	c := make(chan struct{})
	unix.CloseOnExec(3)
	go func() {
		_, _ = os.NewFile(3, "lifeline").Read(make([]byte, 1))
		close(c)
	}()
	return c
}

// bury waits for every child there is, adopted ones too, until serve has ended.
func bury(serve int, served chan<- struct{}) {
	for {
		pid, err := syscall.Wait4(-1, nil, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil, pid == serve:
			close(served)
			return
		}
	}
}

// vacate ends every other process of the lab and removes its folder.
func vacate(dir string) error {
	_ = syscall.Kill(-1, syscall.SIGKILL)
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			break
		}
	}
	_ = os.Chdir("/")
	return sweep(dir)
}

// furnish gives the lab's namespaces their own /proc, /run, loopback, user
// database and compose plugin. Nothing of it shows on the machine.
func furnish(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	// sshd keeps its unprivileged half in this empty folder.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		return err
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	if err := addDeployUser(dir); err != nil {
		return err
	}
	mountPlugin(dir)
	return nil
}

// mountPlugin lays the compose plugin into the folder where every user's
// docker client looks for it.
func mountPlugin(dir string) {
	const at = "/usr/libexec"
	layers := "lowerdir=" + filepath.Join(dir, "libexec") + ":" + at
	if err := unix.Mount("overlay", at, "overlay", unix.MS_RDONLY, layers); err != nil {
		// The deploy user's home has it too, so this is not the end.
		fmt.Fprintf(os.Stderr, "mount the compose plugin over %s: %v\n", at, err)
	}
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	return nil
}

// deployUser is the user that deployments log in as.
const deployUser = "deploy"

// addDeployUser mounts copies of the user database that have a deploy user.
// One that the machine has under this name is hidden, not changed.
func addDeployUser(dir string) error {
	id, err := freeID()
	if err != nil {
		return err
	}
	home := filepath.Join(dir, "home", deployUser)
	lines := map[string]string{
		"passwd": fmt.Sprintf("%s:x:%d:%d:deploy:%s:/bin/bash\n", deployUser, id, id, home),
		"group":  fmt.Sprintf("%s:x:%d:\n", deployUser, id),
		"shadow": fmt.Sprintf("%s:*:19000:0:99999:7:::\n", deployUser),
	}
	for _, name := range []string{"passwd", "group", "shadow"} {
		if err := mountWithLine(filepath.Join(dir, "etc", name), "/etc/"+name, lines[name]); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(home, ".docker/cli-plugins"), 0o755); err != nil {
		return err
	}
	plugin := filepath.Join(dir, "libexec/docker/cli-plugins/docker-compose")
	if err := os.Symlink(plugin, filepath.Join(home, ".docker/cli-plugins/docker-compose")); err != nil {
		return err
	}
	return chownTree(filepath.Join(dir, "home", deployUser), id, id)
}

func mountWithLine(copied, original, line string) error {
	text, err := os.ReadFile(original)
	if err != nil {
		return err
	}
	info, err := os.Stat(original)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for l := range bytes.Lines(text) {
		if !bytes.HasPrefix(l, []byte(deployUser+":")) {
			out.Write(bytes.TrimSuffix(l, []byte("\n")))
			out.WriteByte('\n')
		}
	}
	out.WriteString(line)
	if err := os.WriteFile(copied, out.Bytes(), info.Mode().Perm()); err != nil {
		return err
	}
	if err := unix.Mount(copied, original, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount the lab's %s: %w", original, err)
	}
	return nil
}

// freeID finds a user and group id that the machine does not use.
func freeID() (int, error) {
	var used []byte
	for _, name := range []string{"/etc/passwd", "/etc/group"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return 0, err
		}
		used = append(used, text...)
	}
	for id := 4870; id < 4970; id++ {
		if !bytes.Contains(used, []byte(":"+strconv.Itoa(id)+":")) {
			return id, nil
		}
	}
	return 0, errors.New("no free user id between 4870 and 4969")
}

func chownTree(root string, uid, gid int) error {
	return filepath.WalkDir(root, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, uid, gid)
	})
}

// waitFor calls ready until it gives no error or the time is over.
func waitFor(ctx context.Context, what string, limit time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer within %s: %w", what, limit, err)
		case <-time.After(25 * time.Millisecond):
		}
	}
}
