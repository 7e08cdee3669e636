package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// HiddenPrefix begins the name of a private folder with a password or a socket.
const HiddenPrefix = "fairlead-pass-"

// hiddenFile is the way where there are no anonymous files: mode 0600 in a directory of mode 0700, removed afterwards.
// What a killed process left is removed by the next one.
func hiddenFile(line string) (path string, done func(), err error) {
	dir, err := privateDir()
	if err != nil {
		return "", nil, fmt.Errorf("make the password file: %w", err)
	}
	done = func() { os.RemoveAll(dir) }
	path = filepath.Join(dir, "pgpass")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		done()
		return "", nil, fmt.Errorf("make the password file: %w", err)
	}
	if err := errors.Join(fill(f, line), f.Close()); err != nil {
		done()
		return "", nil, err
	}
	return path, done, nil
}

// privateDir makes a folder that nobody else can enter.
func privateDir() (string, error) {
	removeStale(os.TempDir())
	return os.MkdirTemp("", HiddenPrefix+strconv.Itoa(os.Getpid())+"-")
}

// removeStale removes password files and sockets of processes of ours that are gone.
func removeStale(in string) {
	all, _ := filepath.Glob(filepath.Join(in, HiddenPrefix+"*"))
	for _, dir := range all {
		word, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), HiddenPrefix), "-")
		pid, err := strconv.Atoi(word)
		if err != nil || pid <= 0 {
			continue
		}
		if st, err := os.Lstat(dir); err != nil || !st.IsDir() || st.Mode().Perm() != 0o700 {
			continue
		}
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			os.RemoveAll(dir) // fails where it belongs to somebody else
		}
	}
}
