package host

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/fault"
)

const (
	untouched = "nothing was sent to this host; production was not changed by this command"
	noService = "the agent could not be used; production was not changed by this command"
)

// dialFault explains why a connection did not come about, from what ssh said.
func dialFault(o Options, said string, err error) error {
	said = strings.TrimSpace(said)
	a, last := o.Address, lastLine(said)
	reason := cmp.Or(last, "it gave no usable answer: "+err.Error())
	denied := []string{"Permission denied", "Too many authentication failures", "not currently available",
		"account is not available"}
	f := &fault.Fault{Means: untouched, Do: []fault.Command{{Line: o.SSH.typed(a), Why: "shows what ssh itself says"}}}
	kind := ErrUnreachable
	switch {
	case strings.Contains(said, "REMOTE HOST IDENTIFICATION HAS CHANGED"):
		kind, f.Code = ErrHostKey, "host-key-changed"
		f.What = fmt.Sprintf("%s shows another host key than the known one: another machine answers, or it was set "+
			"up anew", a)
		f.Do = []fault.Command{{Line: "ssh-keygen -F " + fault.Word(knownName(a)) + o.SSH.knownFile(),
			Why: "shows the known key; compare it with the machine's own before replacing it"}}
	case strings.Contains(said, "Host key verification failed"), strings.Contains(said, "host key is known for"):
		kind, f.Code = ErrHostKey, "host-key-unknown"
		f.What = fmt.Sprintf("the host key of %s is not known here", a)
		f.Do = []fault.Command{{Line: "ssh-keyscan " + sshWords(Address{Host: a.Host, Port: a.Port}),
			Why: "prints its keys; compare them with the machine's own, then add them to " +
				cmp.Or(o.SSH.KnownHosts, "~/.ssh/known_hosts")}}
	case slices.ContainsFunc(denied, func(words string) bool { return strings.Contains(said, words) }):
		kind, f.Code = ErrDenied, "ssh-denied"
		f.What = fmt.Sprintf("%s does not let us in (%s)", a, last)
		if _, missing := os.Stat(o.SSH.IdentityFile); o.SSH.IdentityFile != "" && missing != nil {
			f.What = fmt.Sprintf("the ssh key for %s is not there: %s", a, o.SSH.IdentityFile)
			f.Do = []fault.Command{{Line: "ls -l " + fault.Word(o.SSH.IdentityFile),
				Why: "target.ssh.identity_file in fairlead.yaml names it"}}
		}
	case a.Local:
		f.Code, f.What = "host-unreachable", fmt.Sprintf("the shell of this machine does not answer (%s)", reason)
		f.Do = []fault.Command{{Line: "sh -c true", Why: "must work"}}
	default:
		f.Code, f.What = "host-unreachable", fmt.Sprintf("%s cannot be reached (%s)", a, reason)
	}
	return fault.Because(f, kind, err)
}

// notStarted is a machine without an ssh program.
func notStarted(o Options, program string, err error) error {
	return fault.Because(&fault.Fault{Code: "host-unreachable",
		What:  fmt.Sprintf("%s cannot be reached: %s cannot be started here (%v)", o.Address, program, err),
		Means: untouched, Do: []fault.Command{
			{Line: "ssh -V", Why: "must work on this machine; install an OpenSSH client"}}}, ErrUnreachable, err)
}

func lastLine(s string) string {
	return fault.Clip(strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:]), 200)
}

// typed is what a person would type to see the same.
func (s SSH) typed(a Address) string {
	words := []string{"ssh"}
	if s.Config != "" {
		words = append(words, "-F", fault.Word(s.Config))
	}
	if s.IdentityFile != "" {
		words = append(words, "-i", fault.Word(s.IdentityFile))
	}
	if s.KnownHosts != "" {
		words = append(words, "-o", fault.Word("UserKnownHostsFile="+s.KnownHosts))
	}
	return strings.Join(append(words, sshWords(a), "true"), " ")
}

func (s SSH) knownFile() string {
	if s.KnownHosts == "" {
		return ""
	}
	return " -f " + fault.Word(s.KnownHosts)
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

func knownName(a Address) string {
	if a.Port != 0 && a.Port != 22 {
		return fmt.Sprintf("[%s]:%d", a.Host, a.Port)
	}
	return a.Host
}

func noAgent(a Agents, goos, goarch, name string) error {
	where := "and no folder to look for one is known"
	if len(a.Folders) > 0 {
		where = fmt.Sprintf("and there is no %s in %s", name, strings.Join(a.Folders, ", "))
	}
	return fault.Because(&fault.Fault{Code: "no-agent",
		What: fmt.Sprintf("this fairlead carries no agent for %s/%s, %s", goos, goarch, where), Means: untouched,
		Do: []fault.Command{
			{Line: "make build", Why: "in a checkout of fairlead: builds the agents beside the program"},
			{Line: "export FAIRLEAD_AGENT_DIR=…", Why: "names the folder that holds " + name},
		}}, ErrNoAgent)
}

func notInstalled(a Address, name string) error {
	return fault.Because(&fault.Fault{Code: "agent-not-installed", Means: noService,
		What: fmt.Sprintf("the agent of this fairlead is not on %s, and target.agent is preinstalled", a.Name()),
		Do: []fault.Command{{Line: "install -D -m 0755 fairlead-agent-linux-… " + name, Why: "on the host"},
			{Line: "target: {agent: upload}", Why: "in fairlead.yaml: fairlead brings it"}}}, ErrNoAgent)
}

func noexec(a Address, name string) error {
	return fault.Because(&fault.Fault{Code: "agent-not-runnable", Means: noService,
		What: fmt.Sprintf("no program can be run in %s on %s: the file system is mounted noexec, or the agent is for "+
			"another system", path.Dir(name), a.Name()),
		Do: []fault.Command{{Line: "findmnt -no OPTIONS -T " + path.Dir(name), Why: "on the host; shows noexec"},
			{Line: "target: {agent_directory: /opt/your-app/.fairlead-agents}",
				Why: "in fairlead.yaml: a folder where programs may run"}}}, ErrNoAgent)
}

func notWritten(a Address, name, why string) error {
	return fault.Because(&fault.Fault{Code: "agent-not-written", Means: noService,
		What: fmt.Sprintf("the agent could not be written to %s on %s (%s)", path.Dir(name), a.Name(), why),
		Do: []fault.Command{{Line: "df -h " + path.Dir(path.Dir(name)),
			Why: "on the host; the folder must have room and belong to the deploy user"},
			{Line: "target: {agent_directory: /opt/your-app/.fairlead-agents}",
				Why: "in fairlead.yaml: another folder"}}}, ErrNoAgent)
}
