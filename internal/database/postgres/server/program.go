package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fairlead/internal/database"
	"fairlead/internal/wire"
)

// LockWait is how long a dump waits for the lock of a table.
const LockWait = "10s"

// newestMajor is how far beyond the server's major version an installed client is looked for.
const newestMajor = 8

// programFolders is where a major version's programs lie: on Debian, Red Hat, and with Homebrew.
var programFolders = [...]string{"/usr/lib/postgresql/%d/bin", "/usr/pgsql-%d/bin",
	"/opt/homebrew/opt/postgresql@%d/bin"}

// ToolHere finds a program of at least this major version on this machine. Where there is only an older one, the error
// (database.ErrVersion) comes with its version. The configured one is taken as it
// is; otherwise the server's own major comes first, because a newer client may write what an older server cannot read.
func (s *Server) ToolHere(ctx context.Context, name string, major int) (Tool, error) {
	candidates := Candidates(s.Config.PgDump.String(), name, major)
	var tooOld string
	for _, c := range candidates {
		found, err := exec.LookPath(c)
		if err != nil {
			continue
		}
		v, err := ProgramVersion(ctx, found)
		if err != nil {
			return Tool{}, err
		}
		if LeadingNumber(v) >= major {
			return Tool{path: found, Version: v}, nil
		}
		tooOld = v
	}
	if tooOld != "" {
		return Tool{Version: tooOld}, fmt.Errorf("%w: %s %s cannot read a server of version %d; install the client of "+
			"version %d or set database.pg_dump to its path", database.ErrVersion, name, tooOld, major, major)
	}
	return Tool{}, fmt.Errorf("%w: %s is not installed here (looked for %s); install the PostgreSQL client of version "+
		"%d or set database.pg_dump to its path", database.ErrVersion, name, strings.Join(candidates, ", "), major)
}

// Candidates are where a program may be: beside the configured pg_dump, or in the usual places, by major version.
func Candidates(pgDump, name string, major int) []string {
	if pgDump != "" && name == "pg_dump" {
		return []string{pgDump}
	}
	if pgDump != "" {
		return []string{filepath.Join(filepath.Dir(pgDump), name)}
	}
	var all []string
	for m := major; m <= major+newestMajor; m++ {
		for _, form := range programFolders {
			all = append(all, filepath.Join(fmt.Sprintf(form, m), name))
		}
	}
	all = slices.DeleteFunc(all, func(path string) bool { _, err := os.Stat(path); return err != nil })
	return append(all, name)
}

// ProgramVersion reads "pg_dump (PostgreSQL) 15.18 (…)".
func ProgramVersion(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, QueryLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = CleanEnviron(os.Environ())
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", path, err)
	}
	words := strings.Fields(string(out))
	if len(words) < 3 || LeadingNumber(words[2]) == 0 {
		return "", fmt.Errorf("ask %s for its version: it says %q", path, Shortened(string(out), 80))
	}
	return words[2], nil
}

// CleanEnviron drops every variable that could lead libpq elsewhere or carry a password, and fixes the language of
// messages.
func CleanEnviron(environ []string) []string {
	var clean []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(name, "PG"), strings.HasPrefix(name, "LC_"), name == "LANG", name == "LANGUAGE":
		case strings.HasPrefix(name, "LD_"), name == "PATH", name == "HOME", name == "TMPDIR", name == "TZ",
			name == "USER", name == "KRB5CCNAME", name == "KRB5_CONFIG":
			clean = append(clean, v)
		}
	}
	return append(clean, "LC_ALL=C")
}

// tlsVariables are the parameters of a URL that a child must have too, by libpq's names.
var tlsVariables = [...][2]string{
	{"sslmode", "PGSSLMODE"}, {"sslrootcert", "PGSSLROOTCERT"}, {"sslcert", "PGSSLCERT"}, {"sslkey", "PGSSLKEY"},
	{"sslcrl", "PGSSLCRL"}, {"channel_binding", "PGCHANNELBINDING"}, {"gssencmode", "PGGSSENCMODE"},
	{"krbsrvname", "PGKRBSRVNAME"},
}

// A Command is one run of a tool. Its name stands in messages and, where it connects, before the name of its sessions.
type Command struct {
	Name  string
	Args  []string
	In    io.Reader
	Out   io.Writer
	Group bool // it has workers of its own; all of them end with it and with us
}

// RunConnected runs a tool that connects to the server, here or elsewhere. When it fails, no session of it is left.
func (s *Server) RunConnected(ctx context.Context, t Tool, c Command) error {
	if t.Site != nil {
		return s.connectThere(ctx, t, c)
	}
	cmd, said := child(ctx, t.path, c)
	access, done, err := s.passfile(cmd)
	if err != nil {
		return err
	}
	defer done()
	cmd.Env = s.environ(access, c.Name)
	if !c.Group {
		return s.ended(ctx, c.Name, cmd.Run(), said)
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// It ends its own workers; nothing of ours would, for it writes to no pipe.
	DieWithParent(cmd.SysProcAttr, syscall.SIGTERM)
	err = RunOnOwnThread(ctx, cmd)
	if cmd.Process != nil {
		// Workers whose leader was killed.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	return s.ended(ctx, c.Name, err, said)
}

// RunOffline runs a tool, here or elsewhere, that connects to nothing.
func (s *Server) RunOffline(ctx context.Context, t Tool, c Command) error {
	if t.Site != nil {
		return s.there(ctx, t, c, wire.Exec{}, "feed", []string{"LC_ALL=C"})
	}
	cmd, said := child(ctx, t.path, c)
	cmd.Env = CleanEnviron(os.Environ())
	return s.ended(ctx, c.Name, cmd.Run(), said)
}

// environ is what a child that connects is given; the password is not in it. Through a relay, TLS is not the child's
// affair.
func (s *Server) environ(a access, name string) []string {
	host := s.Base.Host
	if a.socket != "" {
		host = a.socket
	}
	env := append(CleanEnviron(os.Environ()), s.connection(host, name)...)
	if a.passfile != "" {
		env = append(env, "PGPASSFILE="+a.passfile)
	}
	if a.socket != "" {
		return env
	}
	return append(env, s.tlsSettings()...)
}

// connection is how libpq is led to a database of the server, by a host's name.
func (s *Server) connection(host, name string) []string {
	env := []string{"PGHOST=" + host, "PGPORT=" + strconv.Itoa(int(s.Base.Port)), "PGUSER=" + s.Base.User,
		"PGDATABASE=" + s.Base.Database, "PGAPPNAME=" + s.childName(name),
		"PGCONNECT_TIMEOUT=" + strconv.Itoa(int(s.Base.ConnectTimeout/time.Second))}
	if o := s.Base.RuntimeParams["options"]; o != "" {
		env = append(env, "PGOPTIONS="+o)
	}
	return env
}

// child prepares a program that is killed with ctx and is not in the terminal's process group, so that Ctrl-C reaches
// only us.
func child(ctx context.Context, path string, c Command) (*exec.Cmd, *Tail) {
	cmd := exec.CommandContext(ctx, path, c.Args...)
	said := &Tail{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.In, c.Out, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = CloseLimit
	return cmd, said
}

// RunOnOwnThread runs a child to its end on a thread that lives as long; a cancelled context kills it.
func RunOnOwnThread(ctx context.Context, cmd *exec.Cmd) error {
	done := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		close(started)
		if err == nil {
			err = cmd.Wait()
		}
		done <- err
	}()
	<-started
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
		}
		<-done
		return context.Cause(ctx)
	}
}

// Tail keeps the beginning and the end of what a child says.
type Tail struct {
	head, last bytes.Buffer
}

const tailPart = 4 << 10

// Write never fails.
func (t *Tail) Write(p []byte) (int, error) {
	n := len(p)
	if room := tailPart - t.head.Len(); room > 0 {
		k := min(room, len(p))
		t.head.Write(p[:k])
		p = p[k:]
	}
	if len(p) > tailPart {
		p = p[len(p)-tailPart:]
	}
	t.last.Write(p)
	if extra := t.last.Len() - tailPart; extra > 0 {
		t.last.Next(extra)
	}
	return n, nil
}

// String gives it on one line.
func (t *Tail) String() string {
	text := t.head.String()
	if t.last.Len() > 0 {
		text += " … " + t.last.String()
	}
	return strings.Join(strings.Fields(text), " ")
}

// ended makes an error of how a child ended.
func (s *Server) ended(ctx context.Context, name string, err error, said *Tail) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s was stopped: %w", name, context.Cause(ctx))
	}
	text := s.Redacted(said.String())
	var exit *exec.ExitError
	if errors.As(err, &exit) && text != "" {
		return fmt.Errorf("%s: %w: %s", name, err, plainer(text))
	}
	if text != "" {
		return fmt.Errorf("%s: %w: %s", name, err, text)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// LockedByOthers begins the sentence about a lock that pg_dump did not get.
const LockedByOthers = "a table was locked by somebody else"

// plainer corrects the one message that sends people after the wrong setting.
func plainer(text string) string {
	if strings.Contains(text, "canceling statement due to statement timeout") && strings.Contains(text, "LOCK TABLE") {
		return LockedByOthers + " for longer than " + LockWait + "; " + text
	}
	return text
}
