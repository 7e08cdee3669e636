package program

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Machine names this machine since its last start, as far as its processes can be seen from here: in another container
// it is another.
func Machine() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(boot)) + " " + space, nil
}

// Running gives the process ids that carry a mark and were begun since a moment, on this machine. An error means that
// not every such process could be looked at, so that nothing follows from finding none.
func Running(mark string, since time.Time) ([]int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []int
	var unseen error
	want := []byte(markName + "=" + mark)
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		switch {
		case errors.Is(err, os.ErrPermission) && mine(dir) && !olderThan(dir, since):
			unseen = fmt.Errorf("process %d may not be looked at", pid)
		case err != nil:
			// it has ended, or is another user's
			continue
		}
		for _, v := range bytes.Split(env, []byte{0}) {
			if bytes.Equal(v, want) {
				found = append(found, pid)
			}
		}
	}
	return found, unseen
}

// ticks is how many clock ticks a second has in /proc; it is 100 on every Linux that Go runs on.
const ticks = 100

// olderThan tells that a process was begun clearly before a moment.
func olderThan(dir string, since time.Time) bool {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return false
	}
	begun, err := strconv.ParseInt(fields[19], 10, 64)
	up, uerr := os.ReadFile("/proc/uptime")
	if err != nil || uerr != nil {
		return false
	}
	seconds, _, _ := strings.Cut(string(up), " ")
	uptime, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		return false
	}
	age := time.Duration((uptime - float64(begun)/ticks) * float64(time.Second))
	return time.Now().Add(-age).Before(since.Add(-5 * time.Second))
}

// mine tells that a process is of this user, so that its environment should have been readable.
func mine(dir string) bool {
	st, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(st)) {
		if rest, ok := strings.CutPrefix(line, "Uid:"); ok {
			f := strings.Fields(rest)
			return len(f) > 0 && f[0] == strconv.Itoa(os.Getuid())
		}
	}
	return false
}
