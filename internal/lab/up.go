package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Options say how a lab is brought up. The zero value is a lab of its own that
// ends with the process that started it.
type Options struct {
	// Name fixes the folder's name; empty means a random one.
	Name string
	// Program is the lab command, which the lab runs itself with. Empty means
	// this executable.
	Program string
	// Stays keeps the lab after this process has ended.
	Stays bool
	// For ends the lab by itself after this time; zero means four hours.
	For time.Duration
}

const prefix = "fairlead-lab-"

// DirFor is the folder of the lab with this name.
func DirFor(name string) string { return filepath.Join(os.TempDir(), prefix+name) }

// Up brings up a lab and returns when all its parts answer. It first removes
// what labs that were killed left behind. It needs root.
func Up(ctx context.Context, o Options) (*Lab, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("the lab makes namespaces and starts a Docker engine: run it as root")
	}
	if err := refuseChroot(ctx); err != nil {
		return nil, err
	}
	sweepDead()
	if o.Program == "" {
		program, err := os.Executable()
		if err != nil {
			return nil, err
		}
		o.Program = program
	}
	dir, err := makeDir(o.Name)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	l, err := start(ctx, dir, o)
	if err != nil {
		return nil, errors.Join(err, Down(dir))
	}
	return l, nil
}

// Down ends the lab in dir and removes all of it. A lab that is not there, or
// was killed, is no error.
func Down(dir string) error {
	if !strings.HasPrefix(filepath.Base(dir), prefix) {
		return fmt.Errorf("%s is not a lab's folder", dir)
	}
	if p, err := readFirst(dir); err == nil {
		if err := p.end(10 * time.Second); err != nil {
			return err
		}
	}
	return sweep(dir)
}

// Down ends this lab and removes all of it.
func (l *Lab) Down() error { return Down(l.Dir) }

// refuseChroot says so early where the lab would come up and its health checks
// would fail: what enters a container enters by its mount namespace, whose root
// is not that of a chroot.
func refuseChroot(ctx context.Context) error {
	const format = "%d:%i"
	here, err := exec.CommandContext(ctx, "stat", "-c", format, "/").Output()
	if err != nil {
		return fmt.Errorf("look at the root folder: %w", err)
	}
	there, err := exec.CommandContext(ctx, "nsenter", "--mount=/proc/self/ns/mnt", "--", "stat", "-c", format,
		"/").Output()
	if err != nil || string(here) != string(there) {
		return errors.New("this is a chroot, where no program can be started in a container: use a machine, a " +
			"container or pivot_root")
	}
	return nil
}

func makeDir(name string) (string, error) {
	var dir string
	var err error
	if name == "" {
		dir, err = os.MkdirTemp("", prefix)
	} else {
		dir = DirFor(name)
		err = os.Mkdir(dir, 0o755)
	}
	if err != nil {
		return "", err
	}
	// The deploy user and PostgreSQL's own user walk through it.
	return dir, os.Chmod(dir, 0o755)
}

// sweepDead removes labs whose first process has ended. A folder without one
// is left alone for a while: it may just be starting.
func sweepDead() {
	dirs, _ := filepath.Glob(DirFor("*"))
	for _, dir := range dirs {
		p, err := readFirst(dir)
		if err == nil && p.alive() {
			continue
		}
		if s, serr := os.Stat(dir); err != nil && serr == nil && time.Since(s.ModTime()) < 10*time.Minute {
			continue
		}
		_ = sweep(dir)
	}
}

func start(ctx context.Context, dir string, o Options) (*Lab, error) {
	log, err := os.Create(filepath.Join(dir, "log", "lab.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if o.For == 0 {
		o.For = 4 * time.Hour
	}
	cmd := exec.Command(o.Program, "init", dir, o.For.String())
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET,
	}
	if !o.Stays {
		// The pipe closes when this process ends, however it ends.
		r, err := lifeline()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		cmd.ExtraFiles = []*os.File{r}
		cmd.Args = append(cmd.Args, "lifeline")
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the lab's first process in namespaces of its own (in a container, it has to be "+
			"a privileged one): %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	limit, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		if l, err := Attach(dir); err == nil {
			return l, nil
		}
		select {
		case err := <-ended:
			return nil, fmt.Errorf("the lab ended while starting (%v):\n%s", err, tail(dir))
		case <-limit.Done():
			return nil, fmt.Errorf("the lab is not up: %w\n%s", limit.Err(), tail(dir))
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// lifeline makes a pipe and gives its reading end. The writing end stays a bare
// descriptor of this process, which nothing closes before the process ends.
func lifeline() (*os.File, error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), "lifeline"), nil
}

// tail gives the ends of the lab's logs, for the message of a failed start.
func tail(dir string) string {
	var b strings.Builder
	files, _ := filepath.Glob(filepath.Join(dir, "log", "*.log"))
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		if s, err := f.Stat(); err == nil && s.Size() > 2000 {
			_, _ = f.Seek(-2000, io.SeekEnd)
		}
		text, _ := io.ReadAll(f)
		f.Close()
		fmt.Fprintf(&b, "--- %s\n%s\n", filepath.Base(name), text)
	}
	return b.String()
}
