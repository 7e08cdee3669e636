package assemble

import (
	"os"
	"slices"
	"strings"

	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/host"
	ledgerhost "fairlead/internal/ledger/host"
	"fairlead/internal/planner"
	"fairlead/internal/target/compose"
)

// connect makes the hosts of the target, not connected yet; none without one. env is that of what they start on this
// machine.
func connect(b blocks, env []string, lookup func(string) (string, bool)) ([]*host.Host, error) {
	if b.target == nil {
		return nil, nil
	}
	folder, _ := lookup("FAIRLEAD_AGENT_DIR")
	executable, _ := os.Executable() // "" finds no agent beside it, which is said when one is needed
	hosts, err := b.target.Fleet().Connect(host.FindAgents(folder, executable), env)
	if err != nil {
		return nil, b.Config.Target.Errorf("hosts", "target: %v", err)
	}
	return hosts, nil
}

// hostNamed gives the host that a block names, the first one when it names none.
func hostNamed(b blocks, hosts []*host.Host, at config.Block, of, name string) (*host.Host, error) {
	if name == "" {
		return hosts[0], nil
	}
	i := slices.Index(b.target.Hosts, name)
	if i < 0 {
		return nil, at.Errorf("host", "%s.host: %q is none of target.hosts (%s)", of, name,
			strings.Join(b.target.Hosts, ", "))
	}
	return hosts[i], nil
}

// running is the place that runs the app, with the ledger that is kept there.
type running struct {
	target   planner.Target
	ledger   engine.Ledger
	history  engine.History
	services map[string]string // to what the target calls the image of each
}

// openTarget opens the target, or the ledger alone where there is none.
func openTarget(b blocks, hosts []*host.Host, o Options) (running, error) {
	if b.target == nil {
		l, err := openLedger(b, o.Env)
		return running{ledger: l, history: l, services: map[string]string{}}, err
	}
	t, err := compose.New(*b.target, b.App, b.Environment, hosts, o.Now)
	if err != nil {
		return running{}, b.Config.Target.Errorf("", "target: %v", err)
	}
	l := ledgerhost.New(hosts[0], b.target.Fleet().Place(b.App, b.Environment))
	r := running{target: t, ledger: l, history: l, services: map[string]string{}}
	for name, s := range b.target.Services {
		r.services[name] = s.ImageEnv
	}
	return r, nil
}

// without leaves variables out of an environment.
func without(environ, names []string) []string {
	return slices.DeleteFunc(environ, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(names, name)
	})
}
