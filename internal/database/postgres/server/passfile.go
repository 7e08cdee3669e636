package server

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// access is what a child needs to reach the server as we do: the password's file, and the socket's folder where there
// is a relay.
type access struct{ passfile, socket string }

// passfile gives a child access to the server; done takes it back.
func (s *Server) passfile(cmd *exec.Cmd) (a access, done func(), err error) {
	a.passfile, done, err = s.password(cmd)
	if err != nil || s.Session.Reach == nil {
		return a, done, err
	}
	r, err := s.startRelay()
	if err != nil {
		done()
		return a, nil, err
	}
	a.socket = r.dir
	forget := done
	return a, func() { r.stop(); forget() }, nil
}

// password hands the password to a child: a line that matches every server, in a file that only the child can open. It
// gives the path that the child sees, or "" where there is no password; done removes what there is to remove.
func (s *Server) password(cmd *exec.Cmd) (path string, done func(), err error) {
	line, err := s.passline()
	if err != nil || line == "" {
		return "", func() {}, err
	}
	f, err := anonymousFile()
	if err != nil {
		return hiddenFile(line)
	}
	if err := fill(f, line); err != nil {
		f.Close()
		return "", nil, err
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	return fmt.Sprintf("/proc/self/fd/%d", 2+len(cmd.ExtraFiles)), func() { f.Close() }, nil
}

// passline is what stands in the file; "" where there is no password.
func (s *Server) passline() (string, error) {
	if s.Base.Password == "" {
		return "", nil
	}
	if strings.ContainsAny(s.Base.Password, "\n\r\x00") {
		return "", errors.New("hand the password to a program: it contains a line break, which a password file " +
			"cannot hold")
	}
	return "*:*:*:*:" + strings.NewReplacer(`\`, `\\`, `:`, `\:`).Replace(s.Base.Password) + "\n", nil
}

func fill(f *os.File, line string) error {
	if err := f.Chmod(0o600); err != nil {
		return fmt.Errorf("write the password file: %w", err)
	}
	if _, err := f.WriteString(line); err != nil {
		return fmt.Errorf("write the password file: %w", err)
	}
	return nil
}

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
