// Package compose is a target whose hosts run a Docker Compose project, reached over ssh or on this machine. It sends
// the agents what to do and reads what they answer; the acts themselves are the agent's, on the host. Start with Config
// and New.
package compose

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/host"
	"fairlead/internal/rollout"
	"fairlead/internal/wire/stack"
)

// Config is the target's block in the configuration. Paths of SSH are on this machine, all others on the hosts.
type Config struct {
	// The machines: ssh://user@host:port, or local. The first one keeps the ledger.
	Hosts []string `yaml:"hosts,required"`
	// How ssh is called; the user's own configuration otherwise.
	SSH SSH `yaml:"ssh"`
	// The folder of the app on the hosts, absolute.
	Directory string `yaml:"directory,required"`
	// The compose files, below the folder.
	Files []string `yaml:"files"`
	// The compose project; as compose names it when absent.
	Project string `yaml:"project"`
	// Env files given to compose by --env-file, lowest first; absent: what compose reads by itself.
	EnvFiles []string `yaml:"env_files"`
	// The env file that holds the images: auto (the .env that compose reads for these files), or a path.
	EnvStore string `yaml:"env_store"`
	// Compose profiles to enable.
	Profiles []string `yaml:"profiles"`
	// The services of a release.
	Services map[string]Service `yaml:"services,required"`
	// The order in which services are replaced; by name when absent.
	Order []string `yaml:"order"`
	// How long a service may take from the switch until it is ready.
	StartTimeout time.Duration `yaml:"start_timeout"`
	// How the agent comes onto a host.
	Agent string `yaml:"agent" enum:"upload|preinstalled"`
	// The folder of the agent on the hosts, absolute; $HOME/.fairlead/agents when absent.
	AgentDirectory string `yaml:"agent_directory"`
}

// Service is one service in the configuration.
type Service struct {
	// The key in the env file that holds the image; the compose file says image: ${KEY}.
	ImageEnv string `yaml:"image_env,required"`
	// How long this service may take; the target's start_timeout when absent.
	StartTimeout time.Duration `yaml:"start_timeout"`
}

// SSH is how the system's ssh is called.
type SSH struct {
	// The only key that is tried.
	IdentityFile config.Path `yaml:"identity_file"`
	// The only file of known host keys.
	KnownHosts config.Path `yaml:"known_hosts"`
	// An ssh configuration file, instead of the user's.
	Config config.Path `yaml:"config"`
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
	if key, err := c.Fleet().Validate(); err != nil {
		return key, err
	}
	if err := c.checkOrder(); err != nil {
		return "order", err
	}
	if c.StartTimeout < 0 || c.StartTimeout > time.Hour {
		return "start_timeout", fmt.Errorf("start_timeout %s is not between 0 and an hour", c.StartTimeout)
	}
	return "", c.layout().Validate()
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

// Fleet gives the machines.
func (c Config) Fleet() host.Fleet {
	ssh := host.SSH{Config: c.SSH.Config.String(), IdentityFile: c.SSH.IdentityFile.String(),
		KnownHosts: c.SSH.KnownHosts.String()}
	return host.Fleet{Hosts: c.Hosts, SSH: ssh, Directory: c.Directory, Agent: host.Mode(c.Agent),
		AgentDirectory: c.AgentDirectory}
}

// names lists the services in the order in which they are replaced.
func (c Config) names() []string {
	if len(c.Order) > 0 {
		return c.Order
	}
	return slices.Sorted(maps.Keys(c.Services))
}

func (c Config) layout() stack.Layout {
	l := stack.Layout{Directory: c.Directory, Files: c.Files, EnvFiles: c.EnvFiles, EnvStore: c.EnvStore,
		Project: c.Project, Profiles: c.Profiles}
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

// place describes the target readably: kind, hosts, project.
func (c Config) place() string {
	where := "compose on " + strings.Join(c.Fleet().Names(), ", ") + " in " + c.Directory
	if c.Project != "" {
		where += ", project " + c.Project
	}
	return where
}
