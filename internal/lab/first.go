package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// first names a lab's first process. Process ids are used again, so the time
// of its start, in clock ticks since boot, belongs to the name.
type first struct {
	Pid     int
	Started string
}

func firstFile(dir string) string { return filepath.Join(dir, "first.json") }

func readFirst(dir string) (first, error) {
	var p first
	text, err := os.ReadFile(firstFile(dir))
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(text, &p)
}

// describeProcess reads the start of process pid from the mounted /proc.
func describeProcess(pid int) (first, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return first{}, err
	}
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return first{}, fmt.Errorf("process %d: not running", pid)
	}
	return first{Pid: pid, Started: fields[19]}, nil
}

func (p first) alive() bool {
	now, err := describeProcess(p.Pid)
	return err == nil && now == p
}

// end stops the process, first politely, and waits until it is gone.
func (p first) end(patience time.Duration) error {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		until := time.Now().Add(patience)
		for p.alive() {
			if time.Now().After(until) {
				break
			}
			if err := syscall.Kill(p.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
			time.Sleep(50 * time.Millisecond)
		}
		if !p.alive() {
			return nil
		}
	}
	return fmt.Errorf("process %d does not end", p.Pid)
}

// sweep removes what a lab that no longer runs left behind: its cgroups and
// its folder. Repeating it is harmless.
func sweep(dir string) error {
	removeCgroups(cgroupName(dir))
	// Nothing may be mounted below dir in this mount namespace; were it, its
	// files would be somebody else's.
	mounted, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	for _, m := range mounted {
		if err := unix.Unmount(m, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", m, err)
		}
	}
	return os.RemoveAll(dir)
}

func cgroupName(dir string) string { return filepath.Base(dir) }

func removeCgroups(name string) {
	roots, _ := filepath.Glob("/sys/fs/cgroup/*/" + name)
	roots = append(roots, "/sys/fs/cgroup/"+name)
	for range 20 {
		left := false
		for _, root := range roots {
			var dirs []string
			_ = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					dirs = append(dirs, p)
				}
				return nil
			})
			for i := len(dirs) - 1; i >= 0; i-- {
				if os.Remove(dirs[i]) != nil {
					left = true
				}
			}
		}
		if !left {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// mountsBelow lists mount points below dir, deepest first.
func mountsBelow(dir string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			found = append([]string{fields[4]}, found...)
		}
	}
	return found, nil
}
