package host

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The ways in which a host cannot be used; test with errors.Is.
var (
	ErrUnreachable = errors.New("the host cannot be reached")
	ErrHostKey     = errors.New("the host's key is not the known one")
	ErrDenied      = errors.New("the host does not let us in")
	ErrNoAgent     = errors.New("there is no agent for this host")
)

// SSH is how the system's ssh program is called. The zero SSH uses the user's own configuration.
type SSH struct {
	Program        string        // "ssh" when empty
	Config         string        // -F
	IdentityFile   string        // -i, and no other key is tried
	KnownHosts     string        // the only file of known keys
	ConnectTimeout time.Duration // 10 s when zero
}

// args gives the command line for an address. Nothing of it is secret.
func (s SSH) args(a Address, command string) []string {
	argv := []string{cmp.Or(s.Program, "ssh"), "-T", "-a", "-x", "-e", "none"}
	option := func(o string) { argv = append(argv, "-o", o) }
	for _, o := range []string{"BatchMode=yes", "StrictHostKeyChecking=yes", "ServerAliveInterval=5",
		"ServerAliveCountMax=3", "ConnectTimeout=" + strconv.Itoa(int(s.connectTimeout().Seconds())),
		"LogLevel=ERROR", "PermitLocalCommand=no", "RequestTTY=no"} {
		option(o)
	}
	if s.Config != "" {
		argv = append(argv, "-F", s.Config)
	}
	if s.IdentityFile != "" {
		argv = append(argv, "-i", s.IdentityFile)
		option("IdentitiesOnly=yes")
	}
	if s.KnownHosts != "" {
		option(`UserKnownHostsFile="` + s.KnownHosts + `"`)
		option("GlobalKnownHostsFile=/dev/null")
	}
	if a.Port != 0 {
		argv = append(argv, "-p", strconv.Itoa(a.Port))
	}
	if a.User != "" {
		argv = append(argv, "-l", a.User)
	}
	return append(argv, "--", a.Host, command)
}

func (s SSH) connectTimeout() time.Duration {
	if s.ConnectTimeout > 0 {
		return max(s.ConnectTimeout, time.Second)
	}
	return 10 * time.Second
}

// Validate tells when a file name cannot be given to ssh.
func (s SSH) Validate() error {
	for _, f := range []string{s.Config, s.IdentityFile, s.KnownHosts} {
		if strings.ContainsAny(f, "\"\n\x00") || strings.HasPrefix(f, "-") {
			return fmt.Errorf("ssh: %q is not a usable file name", f)
		}
	}
	return nil
}
