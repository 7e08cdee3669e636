package stack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/wire"
)

// problem is one with one line to type.
func problem(code fault.Code, what, line, why string) fault.Problem {
	return fault.Problem{Code: code, What: what, Do: []fault.Command{{Line: line, Why: why}}}
}

// A Model is a compose project as compose resolves it. It may hold secrets: it is compared in memory and never stored
// or shown.
type Model struct {
	Name     string
	services map[string]map[string]any
	written  map[string]map[string]any // the same services before anything was replaced or resolved
	warnings string
}

// ModelCommands render the project with the image keys given, which win over the env files as a shell's variables do,
// and once more as it is written: only there compose (v2.40.3) still names the env files of services.
func ModelCommands(s Stack, present func(string) bool, images map[string]string) []wire.Command {
	resolved := wire.Command{Argv: s.ComposeArgs(present, "config", "--format", "json"), Timeout: 30 * time.Second}
	for _, k := range s.Services {
		if image, ok := images[k.Service]; ok {
			resolved.Env = append(resolved.Env, k.ImageEnv+"="+image)
		}
	}
	written := wire.Command{Argv: s.ComposeArgs(present, "config", "--no-interpolate", "--no-env-resolution",
		"--format", "json"), Timeout: 30 * time.Second}
	return []wire.Command{resolved, written}
}

// document is what compose prints.
type document struct {
	Name     string                    `json:"name"`
	Services map[string]map[string]any `json:"services"`
}

func readDocument(a wire.Answer) (document, error) {
	var d document
	if err := a.Err("docker compose config"); err != nil {
		return d, err
	}
	if err := json.Unmarshal(a.Out, &d); err != nil {
		return d, fmt.Errorf("read what docker compose config says: %w", err)
	}
	return d, nil
}

// ReadModel reads the answers to ModelCommands.
func ReadModel(answers []wire.Answer) (Model, error) {
	if len(answers) != 2 {
		return Model{}, fmt.Errorf("the host gave %d answers to 2 questions", len(answers))
	}
	resolved, err := readDocument(answers[0])
	if err != nil {
		return Model{}, err
	}
	written, err := readDocument(answers[1])
	if err != nil {
		return Model{}, err
	}
	return Model{Name: resolved.Name, services: resolved.Services, written: written.Services,
		warnings: answers[0].Stderr}, nil
}

// Probe gives for each service an image that nobody has: what becomes of it shows where the image keys go.
func (s Stack) Probe() map[string]string {
	images := map[string]string{}
	for _, k := range s.Services {
		digest := release.SumDigest([]byte("fairlead " + k.Service))
		images[k.Service] = "fairlead.invalid/" + strings.ToLower(k.Service) + "@" + digest.String()
	}
	return images
}

// Check tells what stands against setting these images by their keys: a service that would not get exactly its image, a
// service that another one's key changes too, a variable that is not set.
func (m Model) Check(s Stack, images map[string]string) []fault.Problem {
	var all []fault.Problem
	for _, k := range s.Services {
		image, ok := images[k.Service]
		if !ok {
			continue
		}
		service, ok := m.services[k.Service]
		if !ok {
			all = append(all, problem("no-such-service", fmt.Sprintf("the compose files have no service %s", k.Service),
				"correct target.services in fairlead.yaml, or add the profile that enables it", ""))
			continue
		}
		if got, _ := service["image"].(string); got != image {
			all = append(all, notFromKey(k, got, image))
		}
	}
	all = append(all, m.envFiles(s, images)...)
	all = append(all, m.foreignKeys(s, images)...)
	return append(all, m.unset()...)
}

func notFromKey(k Key, got, want string) fault.Problem {
	what := fmt.Sprintf("setting %s to %s gives the service %s the image %s", k.ImageEnv, short(want), k.Service,
		short(got))
	if got == "" || !strings.Contains(got, "fairlead.invalid") {
		what = fmt.Sprintf("the image of the service %s does not come from %s: it is %q", k.Service, k.ImageEnv, got)
	}
	return problem("image-not-from-key", what, fmt.Sprintf("write in the compose file:  image: ${%s}", k.ImageEnv), "")
}

// foreignKeys finds services into which another service's image key leads.
func (m Model) foreignKeys(s Stack, images map[string]string) []fault.Problem {
	var all []fault.Problem
	for _, name := range slices.Sorted(maps.Keys(m.services)) {
		text, err := json.Marshal(m.services[name])
		if err != nil || m.shares(s, name, images) {
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
				all = append(all, problem("foreign-image-key",
					fmt.Sprintf("the service %s uses %s, the image of %s: replacing %s would change %s too",
						name, k.ImageEnv, k.Service, k.Service, name),
					fmt.Sprintf("take ${%s} out of the service %s", k.ImageEnv, name), ""))
			}
		}
	}
	return all
}

// envFiles finds services that take the store as their own env_file: compose would recreate them at every change of any
// key.
func (m Model) envFiles(s Stack, images map[string]string) []fault.Problem {
	var all []fault.Problem
	rel := strings.TrimPrefix(s.Store, s.ProjectDir+"/")
	for _, name := range slices.Sorted(maps.Keys(m.services)) {
		if m.shares(s, name, images) {
			all = append(all, fault.Problem{Code: "shared-env-file", Do: separate(s, name, rel),
				What: fmt.Sprintf("the service %s has env_file: %s, the file that also holds the images: "+
					"each new image would recreate it, planned or not", name, rel)})
		}
	}
	return all
}

// shares tells whether a service reads the store itself: it names it, or (where the name is made of variables) an image
// key stands in its environment with another value than the one that was given for the keys.
func (m Model) shares(s Stack, name string, images map[string]string) bool {
	for _, f := range envFilesOf(m.written[name]) {
		if !path.IsAbs(f) {
			f = path.Join(s.ProjectDir, f)
		}
		if path.Clean(f) == s.Store {
			return true
		}
	}
	env, _ := m.services[name]["environment"].(map[string]any)
	for _, k := range s.Services {
		if v, ok := env[k.ImageEnv].(string); ok && v != images[k.Service] {
			return true
		}
	}
	return false
}

// separate gives the commands and the change that give a service an env file of its own.
func separate(s Stack, service, rel string) []fault.Command {
	var keys []string
	for _, k := range s.Services {
		keys = append(keys, k.ImageEnv)
	}
	own := path.Join(path.Dir(rel), "app.env")
	cut := fmt.Sprintf("cd %s && grep -vE '^(export )?(%s)=' %s > %s && chmod 600 %s; then in the compose file, "+
		"service %s:", s.ProjectDir, strings.Join(keys, "|"), rel, own, own, service)
	return []fault.Command{{Line: cut}, {Line: "-    env_file: " + rel}, {Line: "+    env_file: " + own}}
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

func (m Model) unset() []fault.Problem {
	var all []fault.Problem
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
		what := fmt.Sprintf("the compose files use ${%s}, which is not set: compose would put nothing there", name)
		if !slices.ContainsFunc(all, func(p fault.Problem) bool { return p.What == what }) {
			all = append(all, problem("unset-variable", what,
				fmt.Sprintf("set %s in the env file, or write ${%s:-} where empty is meant", name, name), ""))
		}
	}
	return all
}

// short cuts a digest to twelve digits, for people.
func short(ref string) string {
	repo, digest, ok := strings.Cut(ref, "@sha256:")
	if !ok || len(digest) < 12 {
		return ref
	}
	return repo + "@sha256:" + digest[:12]
}
