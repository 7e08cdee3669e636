package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fairlead/internal/database"
)

// newestMajor is how far beyond the server's major version an installed client is looked for.
const newestMajor = 8

// programFolders is where a major version's programs lie: on Debian, Red Hat, and with Homebrew.
var programFolders = [...]string{"/usr/lib/postgresql/%d/bin", "/usr/pgsql-%d/bin", "/opt/homebrew/opt/postgresql@%d/bin"}

// program finds pg_dump or pg_restore of at least this major version and gives its path and version. The configured one is taken as it
// is; otherwise the server's own major comes first, because a newer client may write what an older server cannot read.
func (d *Database) program(ctx context.Context, name string, major int) (path, version string, err error) {
	candidates := d.candidates(name, major)
	var tooOld string
	for _, c := range candidates {
		found, err := exec.LookPath(c)
		if err != nil {
			continue
		}
		v, err := programVersion(ctx, found)
		if err != nil {
			return "", "", err
		}
		if leadingNumber(v) >= major {
			return found, v, nil
		}
		tooOld = v
	}
	if tooOld != "" {
		return "", tooOld, fmt.Errorf("%w: %s %s cannot read a server of version %d; install the client of version %d or set database.pg_dump to its path",
			database.ErrVersion, name, tooOld, major, major)
	}
	return "", "", fmt.Errorf("%w: %s is not installed here (looked for %s); install the PostgreSQL client of version %d or set database.pg_dump to its path",
		database.ErrVersion, name, strings.Join(candidates, ", "), major)
}

func (d *Database) candidates(name string, major int) []string {
	if d.config.PgDump != "" {
		if name == "pg_dump" {
			return []string{d.config.PgDump.String()}
		}
		return []string{filepath.Join(filepath.Dir(d.config.PgDump.String()), name)}
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

// programVersion reads "pg_dump (PostgreSQL) 15.18 (…)".
func programVersion(ctx context.Context, path string) (string, error) {
	ctx, cancel := limit(ctx, askLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = cleanEnviron(os.Environ())
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", path, err)
	}
	words := strings.Fields(string(out))
	if len(words) < 3 || leadingNumber(words[2]) == 0 {
		return "", fmt.Errorf("ask %s for its version: it says %q", path, shortened(string(out), 80))
	}
	return words[2], nil
}

// cleanEnviron drops every variable that could lead libpq elsewhere or carry a password, and fixes the language of messages.
func cleanEnviron(environ []string) []string {
	var clean []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(name, "PG"), strings.HasPrefix(name, "LC_"), name == "LANG", name == "LANGUAGE":
		case strings.HasPrefix(name, "LD_"), name == "PATH", name == "HOME", name == "TMPDIR", name == "TZ", name == "USER", name == "KRB5CCNAME", name == "KRB5_CONFIG":
			clean = append(clean, v)
		}
	}
	return append(clean, "LC_ALL=C")
}

// tlsVariables are the parameters of a URL that a child must have too, by libpq's names.
var tlsVariables = [...][2]string{
	{"sslmode", "PGSSLMODE"}, {"sslrootcert", "PGSSLROOTCERT"}, {"sslcert", "PGSSLCERT"}, {"sslkey", "PGSSLKEY"},
	{"sslcrl", "PGSSLCRL"}, {"channel_binding", "PGCHANNELBINDING"}, {"gssencmode", "PGGSSENCMODE"}, {"krbsrvname", "PGKRBSRVNAME"},
}

// environ is what a child that connects is given; the password is not in it. Through a relay, TLS is not the child's affair.
func (d *Database) environ(a access) []string {
	host := d.base.Host
	if a.socket != "" {
		host = a.socket
	}
	env := append(cleanEnviron(os.Environ()),
		"PGHOST="+host, "PGPORT="+strconv.Itoa(int(d.base.Port)), "PGUSER="+d.base.User, "PGDATABASE="+d.base.Database,
		"PGAPPNAME=pg_dump "+d.base.RuntimeParams["application_name"], "PGCONNECT_TIMEOUT="+strconv.Itoa(int(d.base.ConnectTimeout/time.Second)))
	if o := d.base.RuntimeParams["options"]; o != "" {
		env = append(env, "PGOPTIONS="+o)
	}
	if a.passfile != "" {
		env = append(env, "PGPASSFILE="+a.passfile)
	}
	if a.socket != "" {
		return env
	}
	return append(env, d.tlsSettings()...)
}

// child prepares a program that is killed with ctx and is not in the terminal's process group, so that Ctrl-C reaches only us.
func child(ctx context.Context, path string, env []string, args ...string) (*exec.Cmd, *tail) {
	cmd := exec.CommandContext(ctx, path, args...)
	said := &tail{}
	cmd.Env, cmd.Stderr = env, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = closeLimit
	return cmd, said
}

// tail keeps the beginning and the end of what a child says.
type tail struct {
	head, last bytes.Buffer
}

const tailPart = 4 << 10

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
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
func (t *tail) String() string {
	text := t.head.String()
	if t.last.Len() > 0 {
		text += " … " + t.last.String()
	}
	return strings.Join(strings.Fields(text), " ")
}

// ended makes an error of how a child ended.
func (d *Database) ended(ctx context.Context, name string, err error, said *tail) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s was stopped: %w", name, context.Cause(ctx))
	}
	text := d.redacted(said.String())
	var exit *exec.ExitError
	if errors.As(err, &exit) && text != "" {
		return fmt.Errorf("%s: %w: %s", name, err, plainer(text))
	}
	if text != "" {
		return fmt.Errorf("%s: %w: %s", name, err, text)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// lockedByOthers begins the sentence about a lock that pg_dump did not get.
const lockedByOthers = "a table was locked by somebody else"

// plainer corrects the one message that sends people after the wrong setting.
func plainer(text string) string {
	if strings.Contains(text, "canceling statement due to statement timeout") && strings.Contains(text, "LOCK TABLE") {
		return lockedByOthers + " for longer than " + dumpLockWait + "; " + text
	}
	return text
}
