//go:build real

package badinput

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/lab"
)

func TestBadInput_on_the_way_to_the_host_is_refused_with_nothing_changed(t *testing.T) {
	s := running(t, lab.StackOptions{App: "badhost"}, lab.ConfigOptions{})
	refuse(t, s, lab.ConfigOptions{}, append(wayCases(), agentCases()...))
}

func wayCases() []refusal {
	return []refusal{
		{"nobody listens at the port", func(a *attempt) { a.edit(fmt.Sprintf(":%d\"", a.site.Lab.SSHPort), ":2\"") }, 3,
			"host-unreachable", "-p 2 deploy@"},
		{"a name that does not resolve", func(a *attempt) {
			a.edit("deploy@"+a.site.Lab.SSHHost, "deploy@no-such-host.invalid")
		}, 3, "host-unreachable", "no-such-host.invalid"},
		{"a host that stays silent", func(a *attempt) {
			p, err := a.site.Lab.NewProxy(patience(a.T), fmt.Sprintf("%s:%d", a.site.Lab.SSHHost, a.site.Lab.SSHPort))
			must(a.T, err)
			a.Cleanup(func() { p.Close() })
			p.Hold()
			a.throughPort(p.Port())
		}, 3, "host-unreachable", ""},
		{"sshd is stopped", func(a *attempt) { a.away(lab.SSHD) }, 3, "host-unreachable", ""},
		{"a host key that nobody wrote down", func(a *attempt) {
			a.write(filepath.Join(a.dir, "known"), "")
			a.edit(a.site.Lab.KnownHosts, "known")
		}, 3, "host-key-unknown", "ssh-keyscan"},
		{"a host key that changed", func(a *attempt) {
			a.write(filepath.Join(a.dir, "known"),
				fmt.Sprintf("[%s]:%d %s", a.site.Lab.SSHHost, a.site.Lab.SSHPort, a.newKey("other.pub")))
			a.edit(a.site.Lab.KnownHosts, "known")
		}, 3, "host-key-changed", "another machine"},
		{"a key that the host does not accept", func(a *attempt) {
			a.newKey("other")
			a.edit(a.site.Lab.IdentityFile, "other")
		}, 3, "ssh-denied", ""},
		{"a key that is not there", func(a *attempt) { a.edit(a.site.Lab.IdentityFile, "nowhere") }, 3, "ssh-denied",
			"nowhere"},
		{"an address that is none", func(a *attempt) { a.edit("ssh://", "http://") }, 1, "config-invalid", "http"},
		{"two hosts, one of which is down", func(a *attempt) {
			other := fmt.Sprintf(`"ssh://deploy@%s:2"`, a.site.Lab.SSHHost)
			a.edit("hosts: [", "hosts: ["+`"`+a.site.Lab.SSHURL(a.site.Lab.SSHPort)+`", `+other+"] # ")
		}, 3, "host-unreachable", "-p 2 deploy@"},
		{"two hosts, the first of which is down", func(a *attempt) {
			other := fmt.Sprintf(`"ssh://deploy@%s:2", `, a.site.Lab.SSHHost)
			a.edit("hosts: [", "hosts: ["+other)
		}, 3, "host-unreachable", "-p 2 deploy@"},
	}
}

func agentCases() []refusal {
	return []refusal{
		{"no agent to be found", func(a *attempt) {
			a.env = []string{"FAIRLEAD_AGENT_DIR=" + a.TempDir()}
		}, 3, "no-agent", "make build"},
		{"an agent that has to be there and is not", func(a *attempt) {
			a.agents("/srv/none")
			a.edit("  agent_directory", "  agent: preinstalled\n  agent_directory")
		}, 3, "agent-not-installed", "install -D -m 0755"},
		{"a folder of agents where nothing may be run", func(a *attempt) {
			dir := a.folder("noexec")
			a.host("mount -t tmpfs -o noexec,mode=777 tmpfs " + dir)
			a.Cleanup(func() { a.host("umount -l " + dir) })
			a.agents(dir)
		}, 3, "agent-not-runnable", "noexec"},
		{"a folder of agents on a full disk", func(a *attempt) {
			dir := a.folder("full")
			free, err := a.site.Lab.SmallDisk(patience(a.T), dir, 64<<10)
			must(a.T, err)
			a.Cleanup(func() { must(a.T, free()) })
			a.agents(dir)
		}, 3, "agent-not-written", "disk is full"},
		{"a folder of agents that nobody may write", func(a *attempt) { a.agents("/sys/agents") }, 3,
			"agent-not-written", "agent_directory"},
	}
}

// throughPort reaches the host by another port, whose key is known.
func (a *attempt) throughPort(port int) {
	a.Helper()
	text, err := os.ReadFile(a.site.Lab.KnownHosts)
	must(a.T, err)
	a.write(filepath.Join(a.dir, "known"),
		strings.ReplaceAll(string(text), fmt.Sprint(a.site.Lab.SSHPort), fmt.Sprint(port)))
	a.edit(a.site.Lab.KnownHosts, "known")
	a.edit(fmt.Sprintf(":%d\"", a.site.Lab.SSHPort), fmt.Sprintf(":%d\"", port))
}

// newKey makes a key pair beside the configuration and gives the public half.
func (a *attempt) newKey(name string) string {
	a.Helper()
	file := filepath.Join(a.dir, strings.TrimSuffix(name, ".pub"))
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
		file).CombinedOutput(); err != nil {
		a.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	text, err := os.ReadFile(file + ".pub")
	must(a.T, err)
	return string(text)
}

// agents puts the agents into another folder of the host.
func (a *attempt) agents(dir string) {
	a.Helper()
	a.edit("  env_store: auto", "  agent_directory: "+dir+"\n  env_store: auto")
}

// folder makes a folder on the host that is outside of everything that is compared.
func (a *attempt) folder(name string) string {
	a.Helper()
	dir := filepath.Join(a.site.Lab.Dir, "srv", "folder-"+name)
	a.host("mkdir -p " + dir + " && chmod 777 " + dir)
	return dir
}
