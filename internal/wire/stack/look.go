package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/wire"
)

// A Observation is what one host answered to a look.
type Observation struct {
	Stack    Stack
	Engine   string
	Compose  string
	Platform string
	Free     int64
	Now      time.Time // whole seconds
	Ticket   []byte    // the content of the ticket file; empty when there is none
	Services []container.Service
	Bundle   string // fingerprint
	Problems []fault.Problem
}

const fileScript = `if [ -L "$1" ]; then echo link; elif [ -f "$1" ]; then echo file; cat "$1"; elif [ -e "$1" ]; ` +
	`then echo other; else echo none; fi`

const freeScript = `d=$(docker info -f "{{.DockerRootDir}}"); [ -d "$d" ] || d=/; df -Pk "$d" | tail -n 1`

// writableScript says what would be in the way of replacing $1 with its owner kept, and of writing below $2/.fairlead.
const writableScript = `d=$(dirname "$1"); [ -w "$d" ] || echo folder "$d"
if [ -e "$1" ] && [ ! -O "$1" ] && [ "$(id -u)" != 0 ]; then echo owner "$1"; fi
d=$2; [ -d "$d/.fairlead" ] && d=$d/.fairlead; [ -w "$d" ] || echo folder "$d"; exit 0`

func writableCommand(store, directory string) wire.Command {
	return wire.Command{Argv: []string{"sh", "-c", writableScript, "sh", store, directory}, Timeout: 20 * time.Second}
}

// readWritable finds what could not be written when the services are replaced, which is too late to learn it.
func (k *look) readWritable(a wire.Answer) {
	seen := map[string]bool{}
	for line := range strings.Lines(string(a.Out)) {
		kind, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case seen[name]:
		case kind == "folder":
			k.problem("not-writable", "the deploy user may not write into "+name,
				"ls -ld "+name, "on the host; it must belong to the deploy user or a group of it")
		case kind == "owner":
			k.problem("not-writable", name+" belongs to another user, and the deploy user could not replace it and "+
				"keep its owner",
				"ls -l "+name, "on the host; chown it to the deploy user")
		}
		seen[name] = true
	}
}

// file is one file as read from a host.
type file struct {
	kind    string // file, link, other, none
	content []byte
}

func fileCommand(name string) wire.Command {
	return wire.Command{Argv: []string{"sh", "-c", fileScript, "sh", name}, Max: MaxEnv + 64, Timeout: 20 * time.Second}
}

func readFile(name string, a wire.Answer) (file, error) {
	if err := a.Err("read " + name); err != nil {
		return file{}, err
	}
	kind, content, _ := strings.Cut(string(a.Out), "\n")
	return file{kind, []byte(content)}, nil
}

// look is one look at a host.
type look struct {
	layout Layout
	place  wire.Place
	names  []string // of the files asked for
	files  map[string]file
	all    []Container
	seen   Observation
}

// Look reads what runs and what is configured, in two exchanges, and changes nothing. What stands against a rollout is
// in Problems; an error means that the host did not answer, or not in a way that can be read.
func Look(ctx context.Context, r wire.Runner, l Layout, place wire.Place) (Observation, error) {
	k := look{layout: l, place: place, files: map[string]file{}}
	k.names = append(append(l.absAll(l.Files), l.Candidates()...), place.Ticket())
	answers, err := r.Run(ctx, k.first()...)
	if err != nil {
		return Observation{}, err
	}
	if err := k.readFirst(answers); err != nil || len(k.seen.Problems) > 0 {
		return k.seen, err
	}
	s := k.seen.Stack
	second := append([]wire.Command{writableCommand(s.Store, l.Directory)}, ModelCommands(s, k.present, s.Probe())...)
	answers, err = r.Run(ctx, second...)
	if err != nil {
		return Observation{}, err
	}
	if len(answers) != len(second) {
		return Observation{}, fmt.Errorf("the host gave %d answers to %d questions", len(answers), len(second))
	}
	k.readWritable(answers[0])
	k.readModel(answers[1:])
	return k.seen, nil
}

func (k *look) first() []wire.Command {
	commands := []wire.Command{
		{Argv: []string{"docker", "version", "-f", "{{json .Server}}"}, Timeout: 20 * time.Second},
		{Argv: []string{"docker", "compose", "version", "--short"}, Timeout: 20 * time.Second},
		{Argv: []string{"sh", "-c", freeScript}, Timeout: 20 * time.Second},
		{Argv: []string{"date", "+%s"}},
		ContainersCommand("", ""),
	}
	for _, n := range k.names {
		commands = append(commands, fileCommand(n))
	}
	return commands
}

func (k *look) readFirst(answers []wire.Answer) error {
	if want := 5 + len(k.names); len(answers) != want {
		return fmt.Errorf("the host gave %d answers to %d questions", len(answers), want)
	}
	if a := answers[0]; a.Code != 0 {
		k.problem("no-engine", "the Docker engine does not answer: "+wire.Tail(a.Stderr, 300),
			"docker version", "on the host, as the deploy user")
		return nil
	}
	if a := answers[1]; a.Code != 0 {
		k.problem("no-compose", "docker compose does not run: "+wire.Tail(a.Stderr, 300),
			"install the Docker Compose plugin on the host", "")
		return nil
	}
	if err := k.facts(answers); err != nil {
		return err
	}
	var err error
	if k.all, err = ReadContainers(answers[4]); err != nil {
		return err
	}
	for i, n := range k.names {
		if k.files[n], err = readFile(n, answers[5+i]); err != nil {
			k.problem("unreadable", "the deploy user cannot read "+n+": "+lastWords(err), "ls -l "+n, "on the host")
			return nil
		}
	}
	return k.resolve()
}

func (k *look) facts(answers []wire.Answer) error {
	var v struct{ Version, Os, Arch string }
	if err := json.Unmarshal(answers[0].Out, &v); err != nil {
		return fmt.Errorf("read what docker version says: %w", err)
	}
	k.seen.Engine, k.seen.Platform = v.Version, v.Os+"/"+v.Arch
	k.seen.Compose = strings.TrimPrefix(strings.TrimSpace(string(answers[1].Out)), "v")
	if f := strings.Fields(string(answers[2].Out)); len(f) >= 4 {
		if kb, err := strconv.ParseInt(f[3], 10, 64); err == nil {
			k.seen.Free = kb << 10
		}
	}
	sec, err := strconv.ParseInt(strings.TrimSpace(string(answers[3].Out)), 10, 64)
	if err != nil {
		return fmt.Errorf("read the host's clock: %w", err)
	}
	k.seen.Now = time.Unix(sec, 0)
	return nil
}

// resolve finds the env files and what the files tell without compose.
func (k *look) resolve() error {
	for _, f := range k.layout.absAll(k.layout.Files) {
		if k.files[f].kind != "file" && k.files[f].kind != "link" {
			k.problem("no-compose-file", "there is no compose file "+f,
				"correct target.directory or target.files in fairlead.yaml", "")
			return nil
		}
	}
	s, err := k.layout.Resolve(k.env)
	if err != nil {
		k.problem("env-file", err.Error(), "correct the line in the .env file of "+k.layout.Directory, "")
		return nil
	}
	k.seen.Stack = s
	k.seen.Ticket = k.files[k.place.Ticket()].content
	k.keys()
	return nil
}

// keys reads the configured images out of the env files and finds what stands against setting them.
func (k *look) keys() {
	s := k.seen.Stack
	if kind := k.files[s.Store].kind; kind == "link" || kind == "other" {
		k.problem("env-file-link", fmt.Sprintf(
			"%s is a symbolic link or no plain file; replacing it would cut it off from its source", s.Store),
			"make it a plain file, or name the real one in target.env_store", "")
		return
	}
	values := map[string]string{}
	for _, name := range s.EnvFiles {
		f, err := ParseEnv(k.files[name].content)
		if err != nil {
			k.problem("env-file", name+": "+err.Error(), "correct that line", "")
			return
		}
		for _, key := range s.Services {
			if v, ok := f.Value(key.ImageEnv); ok {
				values[key.Service] = v
			}
			if _, err := f.Set(key.ImageEnv, "x"); err != nil && name == s.Store {
				k.problem("env-key", name+": "+err.Error(), "leave one line "+key.ImageEnv+"=… in it", "")
			}
		}
	}
	for _, key := range s.Services {
		k.seen.Services = append(k.seen.Services,
			container.Service{Name: key.Service, Configured: values[key.Service], Replicas: []container.Replica{}})
	}
}

func (k *look) readModel(answers []wire.Answer) {
	m, err := ReadModel(answers)
	if err != nil {
		k.problem("compose-config", "compose cannot read the project: "+err.Error(),
			strings.Join(k.seen.Stack.ComposeArgs(k.present, "config", "-q"), " "), "")
		return
	}
	s := &k.seen.Stack
	if s.Project == "" {
		s.Project = m.Name
	}
	s.Scale = m.scale()
	k.seen.Problems = append(k.seen.Problems, m.Check(*s, s.Probe())...)
	k.projects()
	for i := range k.seen.Services {
		k.seen.Services[i].Replicas = Replicas(k.all, s.Project, k.seen.Services[i].Name)
	}
	k.seen.Bundle = k.bundle()
}

// bundle is the fingerprint of the configuration bundle: the bytes of the compose files, the names of the variables in
// the env files (image keys left out, values never in it), project and profiles. It is the same on every host that has
// the same files.
func (k *look) bundle() string {
	type hashed struct{ Name, SHA256 string }
	s := k.seen.Stack
	b := struct {
		Schema   string
		Project  string
		Profiles []string
		Files    []hashed
		Names    []string
	}{Schema: "fairlead.bundle/1", Project: s.Project, Profiles: s.Profiles}
	for _, f := range s.Files {
		b.Files = append(b.Files, hashed{k.rel(f), release.SumDigest(k.files[f].content).Hex()})
	}
	for _, name := range s.EnvFiles {
		f, err := ParseEnv(k.files[name].content)
		if err != nil {
			continue
		}
		for _, n := range f.Names() {
			if !slices.ContainsFunc(s.Services, func(key Key) bool { return key.ImageEnv == n }) {
				b.Names = append(b.Names, n)
			}
		}
	}
	slices.Sort(b.Names)
	b.Names = slices.Compact(b.Names)
	text, _ := json.Marshal(b)
	return release.SumDigest(text).String()
}

// projects compares the labels of what runs with the configuration: a second stack beside the first is the worst
// surprise.
func (k *look) projects() {
	s := k.seen.Stack
	files := strings.Join(s.Files, ",")
	ours := slices.ContainsFunc(k.all, func(c Container) bool { return c.Project == s.Project })
	for _, c := range k.all {
		mine := c.Project == s.Project
		same := c.Dir == s.ProjectDir || c.Files == files
		if mine == same && (!mine || c.Files == files || c.Oneoff) {
			continue
		}
		known := slices.ContainsFunc(s.Services, func(key Key) bool { return key.Service == c.Service })
		if !mine && (ours || !known) {
			continue // the same files under another name beside ours are somebody's staging
		}
		k.problem("other-project", fmt.Sprintf(
			"the service %s runs in the project %s from %s (folder %s); configured is the project %s from %s",
			c.Service, c.Project, c.Files, c.Dir, s.Project, files),
			"set target.project and target.files in fairlead.yaml to what runs, or take the other stack down", "")
		return
	}
}

func (k *look) problem(code fault.Code, what, line, why string) {
	k.seen.Problems = append(k.seen.Problems, problem(code, what, line, why))
}

func (k *look) present(name string) bool {
	kind := k.files[name].kind
	return kind == "file" || kind == "link"
}

func (k *look) env(name string) ([]byte, bool) { return k.files[name].content, k.present(name) }

// rel names a file independently of where the directory is on a host.
func (k *look) rel(name string) string {
	if r, ok := strings.CutPrefix(name, path.Clean(k.layout.Directory)+"/"); ok {
		return r
	}
	return name
}

// lastWords is the end of a program's complaint, without the names before it.
func lastWords(err error) string {
	words := strings.Split(err.Error(), ": ")
	return words[len(words)-1]
}
