package host

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"fairlead/internal/wire"
)

// A Fleet is the machines of a target and the way onto them. The first host keeps the ledger. Directory is the folder
// of the app on the hosts, Agent how the agent comes there ("" for Upload), and AgentDirectory its folder, "" for the
// one below the user's home.
type Fleet struct {
	Hosts          []string
	SSH            SSH
	Directory      string
	Agent          Mode
	AgentDirectory string
}

// Validate tells what is missing or malformed, by the key of the configuration it stands under.
func (f Fleet) Validate() (key string, err error) {
	if len(f.Hosts) == 0 {
		return "hosts", errors.New("hosts is empty: name a machine, or local")
	}
	seen := map[string]bool{}
	for i, h := range f.Hosts {
		key := fmt.Sprintf("hosts.%d", i)
		a, err := ParseAddress(h)
		if err != nil {
			return key, err
		}
		if seen[a.String()] {
			return key, fmt.Errorf("%s stands twice", a)
		}
		seen[a.String()] = true
	}
	if err := f.SSH.Validate(); err != nil {
		return "ssh", err
	}
	if f.AgentDirectory != "" && !path.IsAbs(f.AgentDirectory) {
		return "agent_directory", fmt.Errorf("agent_directory %q is not an absolute path", f.AgentDirectory)
	}
	if !slices.Contains([]Mode{"", Upload, Preinstalled}, f.Agent) {
		return "agent", fmt.Errorf("agent is %q, not upload or preinstalled", f.Agent)
	}
	return "", nil
}

// Names gives the hosts as people call them.
func (f Fleet) Names() []string {
	names := slices.Clone(f.Hosts)
	for i, h := range f.Hosts {
		if a, err := ParseAddress(h); err == nil {
			names[i] = a.Name()
		}
	}
	return names
}

// Place names where an app keeps what fairlead writes on a host of the fleet.
func (f Fleet) Place(app, environment string) wire.Place {
	return wire.Place{Directory: path.Clean(f.Directory), App: app, Environment: environment}
}

// Connect makes the hosts, not connected yet. agents finds the agent's program; env is the environment of the ssh
// process on this machine, nil for this process's own. Close them.
func (f Fleet) Connect(agents Agents, env []string) ([]*Host, error) {
	var hosts []*Host
	for _, h := range f.Hosts {
		a, err := ParseAddress(h)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, New(Options{Address: a, SSH: f.SSH, Agents: agents, Mode: f.Agent,
			AgentDirectory: f.AgentDirectory, Env: env}))
	}
	return hosts, nil
}
