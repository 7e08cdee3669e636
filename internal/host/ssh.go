package host

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/fault"
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
	program := s.Program
	if program == "" {
		program = "ssh"
	}
	argv := []string{program, "-T", "-a", "-x", "-e", "none"}
	option := func(o string) { argv = append(argv, "-o", o) }
	option("BatchMode=yes")
	option("StrictHostKeyChecking=yes")
	option("ServerAliveInterval=5")
	option("ServerAliveCountMax=3")
	option("ConnectTimeout=" + strconv.Itoa(int(s.connectTimeout().Seconds())))
	option("LogLevel=ERROR")
	option("PermitLocalCommand=no")
	option("RequestTTY=no")
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

const untouched = "nothing was sent to this host; production was not changed by this command"

// dialFault explains why a connection did not come about, from what ssh said.
func dialFault(a Address, said string, err error) error {
	f := &fault.Fault{Means: untouched}
	said = strings.TrimSpace(said)
	try := fault.Command{Line: "ssh " + sshWords(a) + " true", Why: "shows what ssh itself says"}
	switch {
	case strings.Contains(said, "REMOTE HOST IDENTIFICATION HAS CHANGED"):
		f.Code, f.Err = "host-key-changed", ErrHostKey
		f.What = fmt.Sprintf("%s shows another host key than the known one: another machine answers, or it was set up anew", a.Name())
		f.Do = []fault.Command{{Line: "ssh-keygen -F " + knownName(a), Why: "shows the known key; compare it with the machine's own before replacing it"}}
	case strings.Contains(said, "Host key verification failed"), strings.Contains(said, "host key is known for"):
		f.Code, f.Err = "host-key-unknown", ErrHostKey
		f.What = fmt.Sprintf("the host key of %s is not known here", a.Name())
		f.Do = []fault.Command{{Line: "ssh-keyscan " + scanWords(a), Why: "prints its keys; compare them with the machine's own, then add them to known_hosts"}}
	case strings.Contains(said, "Permission denied"), strings.Contains(said, "Too many authentication failures"),
		strings.Contains(said, "not currently available"), strings.Contains(said, "account is not available"):
		f.Code, f.Err = "ssh-denied", ErrDenied
		f.What = fmt.Sprintf("%s does not let us in", a)
		f.Do = []fault.Command{try}
	default:
		f.Code, f.Err = "host-unreachable", ErrUnreachable
		f.What = fmt.Sprintf("%s cannot be reached", a)
		f.Do = []fault.Command{try}
	}
	if said != "" {
		f.What += " (" + lastLine(said) + ")"
	}
	if err != nil {
		f.Err = fmt.Errorf("%w: %w", f.Err, err)
	}
	return f
}

func lastLine(s string) string {
	s = s[strings.LastIndexByte(s, '\n')+1:]
	return clip(strings.TrimSpace(s))
}

func sshWords(a Address) string {
	s := a.Host
	if a.User != "" {
		s = a.User + "@" + s
	}
	if a.Port != 0 {
		s = "-p " + strconv.Itoa(a.Port) + " " + s
	}
	return s
}

func scanWords(a Address) string {
	if a.Port != 0 {
		return "-p " + strconv.Itoa(a.Port) + " " + a.Host
	}
	return a.Host
}

func knownName(a Address) string {
	if a.Port != 0 && a.Port != 22 {
		return fmt.Sprintf("[%s]:%d", a.Host, a.Port)
	}
	return a.Host
}
