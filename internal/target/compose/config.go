// Package compose is a target whose hosts run a Docker Compose project, reached over ssh or on this machine. It sends the agents what
// to do and reads what they answer; the acts themselves are the agent's, on the host. Start with Config and New.
package compose

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/host"
	"fairlead/internal/rollout"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

// Config is the target's block in the configuration. Paths of SSH are on this machine, all others on the hosts.
type Config struct {
	Hosts          []string           `yaml:"hosts,required" doc:"The machines: ssh://user@host:port, or local. The first one keeps the ledger."`
	SSH            SSH                `yaml:"ssh" doc:"How ssh is called; the user's own configuration otherwise."`
	Directory      string             `yaml:"directory,required" doc:"The folder of the app on the hosts, absolute."`
	Files          []string           `yaml:"files" doc:"The compose files, below the folder."`
	Project        string             `yaml:"project" doc:"The compose project; as compose names it when absent."`
	EnvFiles       []string           `yaml:"env_files" doc:"Env files given to compose by --env-file, lowest first; absent: what compose reads by itself."`
	EnvStore       string             `yaml:"env_store" doc:"The env file that holds the images: auto (the .env that compose reads for these files), or a path."`
	Profiles       []string           `yaml:"profiles" doc:"Compose profiles to enable."`
	Services       map[string]Service `yaml:"services,required" doc:"The services of a release."`
	Order          []string           `yaml:"order" doc:"The order in which services are replaced; by name when absent."`
	StartTimeout   time.Duration      `yaml:"start_timeout" doc:"How long a service may take from the switch until it is ready."`
	Agent          string             `yaml:"agent" enum:"upload|preinstalled" doc:"How the agent comes onto a host."`
	AgentDirectory string             `yaml:"agent_directory" doc:"The folder of the agent on the hosts, absolute; $HOME/.fairlead/agents when absent."`
}

// Service is one service in the configuration.
type Service struct {
	ImageEnv     string        `yaml:"image_env,required" doc:"The key in the env file that holds the image; the compose file says image: ${KEY}."`
	StartTimeout time.Duration `yaml:"start_timeout" doc:"How long this service may take; the target's start_timeout when absent."`
}

// SSH is how the system's ssh is called.
type SSH struct {
	IdentityFile config.Path `yaml:"identity_file" doc:"The only key that is tried."`
	KnownHosts   config.Path `yaml:"known_hosts" doc:"The only file of known host keys."`
	Config       config.Path `yaml:"config" doc:"An ssh configuration file, instead of the user's."`
}

// Defaults fills what may be left out.
func (c *Config) Defaults() {
	c.Files = []string{"docker-compose.yml"}
	c.EnvStore = stack.Auto
	c.StartTimeout = rollout.DefaultTimeout
	c.Agent = string(host.Upload)
}

// Validate tells what is missing or malformed, by the key it stands under.
func (c Config) Validate() (key string, err error) {
	if len(c.Hosts) == 0 {
		return "hosts", fmt.Errorf("hosts is empty: name a machine, or local")
	}
	seen := map[string]bool{}
	for i, h := range c.Hosts {
		key := fmt.Sprintf("hosts.%d", i)
		a, err := host.ParseAddress(h)
		if err != nil {
			return key, err
		}
		if seen[a.String()] {
			return key, fmt.Errorf("%s stands twice", a)
		}
		seen[a.String()] = true
	}
	if err := c.ssh().Validate(); err != nil {
		return "ssh", err
	}
	if c.AgentDirectory != "" && !path.IsAbs(c.AgentDirectory) {
		return "agent_directory", fmt.Errorf("agent_directory %q is not an absolute path", c.AgentDirectory)
	}
	if !slices.Contains([]string{"", string(host.Upload), string(host.Preinstalled)}, c.Agent) {
		return "agent", fmt.Errorf("agent is %q, not upload or preinstalled", c.Agent)
	}
	if err := c.checkOrder(); err != nil {
		return "order", err
	}
	if c.StartTimeout < 0 || c.StartTimeout > time.Hour {
		return "start_timeout", fmt.Errorf("start_timeout %s is not between 0 and an hour", c.StartTimeout)
	}
	if err := c.layout().Validate(); err != nil {
		return "", err
	}
	return "", nil
}

func (c Config) checkOrder() error {
	for i, s := range c.Order {
		if _, ok := c.Services[s]; !ok {
			return fmt.Errorf("order names %q, which is none of the services", s)
		}
		if slices.Index(c.Order, s) != i {
			return fmt.Errorf("order names %q twice", s)
		}
	}
	if len(c.Order) > 0 && len(c.Order) != len(c.Services) {
		return fmt.Errorf("order names %d of %d services", len(c.Order), len(c.Services))
	}
	return nil
}

func (c Config) ssh() host.SSH {
	return host.SSH{Config: c.SSH.Config.String(), IdentityFile: c.SSH.IdentityFile.String(), KnownHosts: c.SSH.KnownHosts.String()}
}

// names lists the services in the order in which they are replaced.
func (c Config) names() []string {
	if len(c.Order) > 0 {
		return c.Order
	}
	var names []string
	for n := range c.Services {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func (c Config) layout() stack.Layout {
	l := stack.Layout{Directory: c.Directory, Files: c.Files, EnvFiles: c.EnvFiles, EnvStore: c.EnvStore, Project: c.Project, Profiles: c.Profiles}
	for _, n := range c.names() {
		l.Services = append(l.Services, stack.Key{Service: n, ImageEnv: c.Services[n].ImageEnv})
	}
	return l
}

func (c Config) timeout(service string) time.Duration {
	if t := c.Services[service].StartTimeout; t > 0 {
		return t
	}
	return c.StartTimeout
}

// Place names where an app keeps what fairlead writes on a host of this target; ledger/host wants it too.
func (c Config) Place(app, environment string) wire.Place {
	return wire.Place{Directory: path.Clean(c.Directory), App: app, Environment: environment}
}

// Connect makes the hosts, not connected yet. agents finds the agent's program; env is the environment of the ssh process on this
// machine, nil for this process's own. Close them.
func (c Config) Connect(agents host.Agents, env []string) ([]*host.Host, error) {
	var hosts []*host.Host
	for _, h := range c.Hosts {
		a, err := host.ParseAddress(h)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, host.New(host.Options{Address: a, SSH: c.ssh(), Agents: agents, Mode: host.Mode(c.Agent),
			AgentDirectory: c.AgentDirectory, Env: env}))
	}
	return hosts, nil
}

// place describes the target readably: kind, hosts, project.
func (c Config) place() string {
	var names []string
	for _, h := range c.Hosts {
		if a, err := host.ParseAddress(h); err == nil {
			h = a.Name()
		}
		names = append(names, h)
	}
	where := "compose on " + strings.Join(names, ", ") + " in " + c.Directory
	if c.Project != "" {
		where += ", project " + c.Project
	}
	return where
}
