package stack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"fairlead/internal/wire"
)

// A Server names one container that something is served from: a compose service, whose project may be left open, or a
// container's own name. Directory, where it is set, tells which project is meant when several have the service: the one
// whose files lie there.
type Server struct {
	Service   string
	Project   string
	Name      string
	Directory string
}

// A Serving is a running container and where it is reached from the host. Address is an IP address, or "127.0.0.1"
// where the container shares the host's network.
type Serving struct {
	ID      string
	Name    string
	Address string
}

// ErrNotServing is matched when no container, or more than one, is what a Server names.
var ErrNotServing = errors.New("there is not exactly one such container")

// servingFormat takes what is needed to reach a container; never its environment.
const servingFormat = `{"id":{{json .Id}},"name":{{json .Name}},"state":{{json .State.Status}},"mode":{{json ` +
	`.HostConfig.NetworkMode}},"networks":{{json .NetworkSettings.Networks}},` + labelFields + `}`

const servingScript = `f=$1; shift
for try in 1 2 3; do
ids=$(docker ps -q --no-trunc "$@") || exit 1
[ -z "$ids" ] && exit 0
docker inspect -f "$f" $ids && exit 0
done
exit 1`

// ServingCommand looks for the running containers that a Server may mean.
func ServingCommand(s Server) wire.Command {
	argv := []string{"sh", "-c", servingScript, "sh", servingFormat}
	if s.Name != "" {
		argv = append(argv, "--filter", "name=^/"+s.Name+"$")
	} else {
		argv = append(argv, "--filter", "label="+labelService+"="+s.Service)
	}
	if s.Project != "" {
		argv = append(argv, "--filter", "label="+labelProject+"="+s.Project)
	}
	return wire.Command{Argv: argv, Timeout: 30 * time.Second}
}

type serving struct {
	ID       string                                `json:"id"`
	Name     string                                `json:"name"`
	State    string                                `json:"state"`
	Mode     string                                `json:"mode"`
	Networks map[string]struct{ IPAddress string } `json:"networks"`
	Project  string                                `json:"project"`
	Dir      string                                `json:"dir"`
	Files    string                                `json:"files"`
	Oneoff   string                                `json:"oneoff"`
}

// ReadServing reads the answer to ServingCommand and gives the one container that is meant. Errors match ErrNotServing
// where docker answered.
func ReadServing(s Server, a wire.Answer) (Serving, error) {
	if err := a.Err("docker ps"); err != nil {
		return Serving{}, err
	}
	var all []serving
	for line := range bytes.Lines(a.Out) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var c serving
		if err := json.Unmarshal(line, &c); err != nil {
			return Serving{}, fmt.Errorf("read what docker inspect says: %w", err)
		}
		if c.State == "running" && !strings.EqualFold(c.Oneoff, "true") {
			all = append(all, c)
		}
	}
	if s.Name == "" && s.Project == "" && s.Directory != "" && len(all) > 1 {
		if near := slices.DeleteFunc(slices.Clone(all),
			func(c serving) bool { return !c.below(s.Directory) }); len(near) > 0 {
			all = near
		}
	}
	if len(all) != 1 {
		return Serving{}, notOne(s, all)
	}
	return all[0].reach()
}

// below tells whether the project of a container lies in a folder.
func (c serving) below(dir string) bool {
	for _, f := range append(strings.Split(c.Files, ","), c.Dir) {
		if f = path.Clean(f); f == path.Clean(dir) || strings.HasPrefix(f, path.Clean(dir)+"/") {
			return true
		}
	}
	return false
}

func (c serving) reach() (Serving, error) {
	found := Serving{ID: c.ID, Name: strings.TrimPrefix(c.Name, "/")}
	if c.Mode == "host" {
		found.Address = "127.0.0.1"
		return found, nil
	}
	var names []string
	for n, on := range c.Networks {
		if on.IPAddress != "" {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return found, fmt.Errorf("the container %s has no address on a network: %w", found.Name, ErrNotServing)
	}
	slices.Sort(names)
	found.Address = c.Networks[names[0]].IPAddress
	return found, nil
}

func notOne(s Server, all []serving) error {
	what := "the container " + s.Name
	if s.Name == "" {
		what = "the compose service " + s.Service
	}
	if s.Project != "" {
		what += " of project " + s.Project
	}
	if len(all) == 0 {
		return fmt.Errorf("%s does not run on the host: %w", what, ErrNotServing)
	}
	var names []string
	for _, c := range all {
		names = append(names, fmt.Sprintf("%s (project %s)", strings.TrimPrefix(c.Name, "/"), c.Project))
	}
	slices.Sort(names)
	return fmt.Errorf("%s runs %d times: %s; name one by database.container.name: %w", what, len(all),
		strings.Join(names[:min(len(names), 4)], ", "), ErrNotServing)
}
