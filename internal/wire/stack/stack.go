// Package stack says how a compose project on a host is named to the docker command line, and how the answers are read:
// which env file compose reads, how one key in it is replaced, what runs, what a configuration would become. Operator
// (through any connection) and agent (on the spot) use the same code over a wire.Runner. It changes nothing itself.
// Start with Layout and Look.
package stack

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"fairlead/internal/fence"
	"fairlead/internal/release"
	"fairlead/internal/rollout"
	"fairlead/internal/wire"
)

// Auto asks for the .env that compose itself reads for the files.
const Auto = "auto"

// A Layout is the configuration of a compose project: where it is on the host, before anything was looked at there.
type Layout struct {
	Directory string   `json:"directory"`           // absolute
	Files     []string `json:"files"`               // below Directory, or absolute
	EnvFiles  []string `json:"env_files,omitempty"` // read before the store, lowest first; explicit ones only
	EnvStore  string   `json:"env_store"`           // Auto, or a path below Directory, or absolute
	Project   string   `json:"project,omitempty"`   // empty: as compose names it
	Profiles  []string `json:"profiles,omitempty"`
	Services  []Key    `json:"services"`
}

// A Key is a service and the key of the env file that holds its image.
type Key struct {
	Service  string `json:"service"`
	ImageEnv string `json:"image_env"`
}

// An Image is the reference that a service's key is to get ("repository@sha256:…").
type Image struct {
	Key
	Image string `json:"image"`
}

// Prepare asks for images on the host. What stands against a rollout there is wire.CodeRefused.
type Prepare struct {
	Place  wire.Place   `json:"place"`
	Ticket fence.Ticket `json:"ticket"`
	Layout Layout       `json:"layout"`
	Images []Image      `json:"images"`
}

// RollStart starts a rollout, or attaches to the one with the same order.
type RollStart struct {
	Place  wire.Place    `json:"place"`
	Layout Layout        `json:"layout"`
	Order  rollout.Order `json:"order"`
}

// A Stack is a layout after a look at the host: all paths are absolute and clean.
type Stack struct {
	Directory  string   `json:"directory"`
	ProjectDir string   `json:"project_dir"`
	Files      []string `json:"files"`
	// lowest first, the store among them; those that do not exist are left out when used
	EnvFiles []string `json:"env_files"`
	Store    string   `json:"store"` // the file whose image keys are set; may not exist yet
	Project  string   `json:"project"`
	Profiles []string `json:"profiles,omitempty"`
	Services []Key    `json:"services"`

	// Scale is how many replicas the compose files ask for, by service; those that ask for one are left out.
	Scale map[string]int `json:"scale,omitempty"`
}

// Validate tells what is missing or malformed in a layout.
func (l Layout) Validate() error {
	if !path.IsAbs(l.Directory) {
		return fmt.Errorf("directory %q is not an absolute path", l.Directory)
	}
	if len(l.Files) == 0 {
		return errors.New("files is empty: name the compose files")
	}
	for _, f := range slices.Concat(l.Files, l.EnvFiles, []string{l.EnvStore}) {
		if f == "" || strings.ContainsAny(f, "\x00\n,") {
			return fmt.Errorf("%q is not a usable file name", f)
		}
	}
	if len(l.Services) == 0 {
		return errors.New("services is empty: name the services and their image_env")
	}
	return validKeys(l.Services)
}

func validKeys(keys []Key) error {
	seen := map[string]string{}
	for _, k := range keys {
		if !release.Word(k.Service) {
			return fmt.Errorf("service name %q", k.Service)
		}
		if !isVariable(k.ImageEnv) {
			return fmt.Errorf("services.%s.image_env %q is not the name of a variable", k.Service, k.ImageEnv)
		}
		if other, ok := seen[k.ImageEnv]; ok {
			return fmt.Errorf("services %s and %s share image_env %s", other, k.Service, k.ImageEnv)
		}
		seen[k.ImageEnv] = k.Service
	}
	return nil
}

// ComposeArgs gives the command line of a compose command: everything that compose could take from its surroundings is
// said. present tells which of the env files exist.
func (s Stack) ComposeArgs(present func(string) bool, args ...string) []string {
	argv := []string{"docker", "compose", "--ansi", "never", "--project-directory", s.ProjectDir}
	if s.Project != "" {
		argv = append(argv, "-p", s.Project)
	}
	for _, f := range s.Files {
		argv = append(argv, "-f", f)
	}
	some := false
	for _, f := range s.EnvFiles {
		if present(f) {
			argv, some = append(argv, "--env-file", f), true
		}
	}
	if !some {
		argv = append(argv, "--env-file", "/dev/null")
	}
	for _, p := range s.Profiles {
		argv = append(argv, "--profile", p)
	}
	return append(argv, args...)
}

// Key gives the image key of a service.
func (s Stack) Key(service string) (Key, bool) {
	for _, k := range s.Services {
		if k.Service == service {
			return k, true
		}
	}
	return Key{}, false
}

func (l Layout) abs(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(l.Directory, p)
}

func (l Layout) absAll(ps []string) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = l.abs(p)
	}
	return out
}

func isVariable(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
