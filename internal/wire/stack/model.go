package stack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"fairlead/internal/wire"
)

// A Problem is a reason not to go on, with its cure.
type Problem struct {
	Code string `json:"code"`
	What string `json:"what"`
	Do   string `json:"do,omitempty"`
}

// A Model is a compose project as compose resolves it. It may hold secrets: it is compared in memory and never stored or shown.
type Model struct {
	Name     string
	services map[string]map[string]any
	warnings string
}

// ModelCommand renders the project with the image keys given, which win over the env files as a shell's variables do.
func ModelCommand(s Stack, present func(string) bool, images map[string]string) wire.Command {
	c := wire.Command{Argv: s.ComposeArgs(present, "config", "--no-env-resolution", "--format", "json"), Timeout: 30 * time.Second}
	for _, k := range s.Services {
		if image, ok := images[k.Service]; ok {
			c.Env = append(c.Env, k.ImageEnv+"="+image)
		}
	}
	return c
}

// ReadModel reads the answer to ModelCommand.
func ReadModel(a wire.Answer) (Model, error) {
	if err := a.Err("docker compose config"); err != nil {
		return Model{}, err
	}
	var doc struct {
		Name     string                    `json:"name"`
		Services map[string]map[string]any `json:"services"`
	}
	if err := json.Unmarshal(a.Out, &doc); err != nil {
		return Model{}, fmt.Errorf("read what docker compose config says: %w", err)
	}
	return Model{Name: doc.Name, services: doc.Services, warnings: a.Stderr}, nil
}

// Probe gives for each service an image that nobody has: what becomes of it shows where the image keys go.
func (s Stack) Probe() map[string]string {
	images := map[string]string{}
	for _, k := range s.Services {
		sum := sha256.Sum256([]byte("fairlead " + k.Service))
		images[k.Service] = "fairlead.invalid/" + strings.ToLower(k.Service) + "@sha256:" + hex.EncodeToString(sum[:])
	}
	return images
}

// Check tells what stands against setting these images by their keys: a service that would not get exactly its image, a service
// that another one's key changes too, a variable that is not set.
func (m Model) Check(s Stack, images map[string]string) []Problem {
	var all []Problem
	for _, k := range s.Services {
		image, ok := images[k.Service]
		if !ok {
			continue
		}
		service, ok := m.services[k.Service]
		if !ok {
			all = append(all, Problem{"no-such-service", fmt.Sprintf("the compose files have no service %s", k.Service),
				"correct target.services in fairlead.yaml, or add the profile that enables it"})
			continue
		}
		if got, _ := service["image"].(string); got != image {
			all = append(all, notFromKey(k, got, image))
		}
	}
	all = append(all, m.strangers(s, images)...)
	all = append(all, m.envFiles(s)...)
	return append(all, m.unset()...)
}

func notFromKey(k Key, got, want string) Problem {
	what := fmt.Sprintf("setting %s to %s gives the service %s the image %s", k.ImageEnv, short(want), k.Service, short(got))
	if got == "" || !strings.Contains(got, "fairlead.invalid") {
		what = fmt.Sprintf("the image of the service %s does not come from %s: it is %q", k.Service, k.ImageEnv, got)
	}
	return Problem{"image-not-from-key", what, fmt.Sprintf("write in the compose file:  image: ${%s}", k.ImageEnv)}
}

// strangers finds services into which another service's image key leads.
func (m Model) strangers(s Stack, images map[string]string) []Problem {
	var all []Problem
	for _, name := range m.names() {
		text, err := json.Marshal(m.services[name])
		if err != nil {
			continue
		}
		env, _ := m.services[name]["environment"].(map[string]any)
		for _, k := range s.Services {
			if k.Service == name {
				continue
			}
			_, named := env[k.ImageEnv]
			image := images[k.Service]
			if named || image != "" && bytes.Contains(text, []byte(image)) {
				all = append(all, Problem{"foreign-image-key",
					fmt.Sprintf("the service %s uses %s, the image of %s: replacing %s would change %s too", name, k.ImageEnv, k.Service, k.Service, name),
					fmt.Sprintf("take ${%s} out of the service %s", k.ImageEnv, name)})
			}
		}
	}
	return all
}

// envFiles finds services that take the store as their own env_file: compose would recreate them at every change of any key.
func (m Model) envFiles(s Stack) []Problem {
	var all []Problem
	for _, name := range m.names() {
		for _, f := range envFilesOf(m.services[name]) {
			if !path.IsAbs(f) {
				f = path.Join(s.ProjectDir, f)
			}
			if path.Clean(f) != s.Store {
				continue
			}
			rel := strings.TrimPrefix(s.Store, s.ProjectDir+"/")
			all = append(all, Problem{"shared-env-file",
				fmt.Sprintf("the service %s has env_file: %s, the file that also holds the images: each new image would recreate it, planned or not", name, rel),
				separate(s, name, rel)})
		}
	}
	return all
}

// separate gives the commands and the change that give a service an env file of its own.
func separate(s Stack, service, rel string) string {
	var keys []string
	for _, k := range s.Services {
		keys = append(keys, k.ImageEnv)
	}
	own := path.Join(path.Dir(rel), "app.env")
	return fmt.Sprintf("cd %s && grep -vE '^(export )?(%s)=' %s > %s && chmod 600 %s; then in the compose file, service %s:\n-    env_file: %s\n+    env_file: %s",
		s.ProjectDir, strings.Join(keys, "|"), rel, own, own, service, rel, own)
}

func envFilesOf(service map[string]any) []string {
	list, _ := service["env_file"].([]any)
	var files []string
	for _, e := range list {
		switch f := e.(type) {
		case string:
			files = append(files, f)
		case map[string]any:
			if p, ok := f["path"].(string); ok {
				files = append(files, p)
			}
		}
	}
	return files
}

// scale gives the replicas that services ask for, where it is not one.
func (m Model) scale() map[string]int {
	scale := map[string]int{}
	for name, service := range m.services {
		n, ok := service["scale"].(float64)
		if deploy, _ := service["deploy"].(map[string]any); !ok && deploy != nil {
			n, ok = deploy["replicas"].(float64)
		}
		if ok && n != 1 && n >= 0 && n < 10000 {
			scale[name] = int(n)
		}
	}
	return scale
}

func (m Model) unset() []Problem {
	var all []Problem
	for _, line := range strings.Split(m.warnings, "\n") {
		_, rest, ok := strings.Cut(line, `The \"`)
		if !ok {
			_, rest, ok = strings.Cut(line, `The "`)
		}
		name, after, _ := strings.Cut(rest, `"`)
		name = strings.TrimSuffix(name, `\`)
		if !ok || !isVariable(name) || !strings.Contains(after, "variable is not set") {
			continue
		}
		p := Problem{"unset-variable", fmt.Sprintf("the compose files use ${%s}, which is not set: compose would put nothing there", name),
			fmt.Sprintf("set %s in the env file, or write ${%s:-} where empty is meant", name, name)}
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

func (m Model) names() []string {
	var names []string
	for n := range m.services {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// short cuts a digest to twelve digits, for people.
func short(ref string) string {
	repo, digest, ok := strings.Cut(ref, "@sha256:")
	if !ok || len(digest) < 12 {
		return ref
	}
	return repo + "@sha256:" + digest[:12]
}
