package stack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/wire"
)

// The labels by which compose knows its containers.
const (
	labelProject = "com.docker.compose.project"
	labelService = "com.docker.compose.service"
	labelDir     = "com.docker.compose.project.working_dir"
	labelFiles   = "com.docker.compose.project.config_files"
	labelOneoff  = "com.docker.compose.oneoff"
)

// A Container is a replica and where it belongs.
type Container struct {
	container.Replica
	Project string
	Service string
	Dir     string
	Files   string
	Oneoff  bool `json:"-"`
}

// inspectFormat takes from a container only what is needed: never its environment, which holds secrets.
const inspectFormat = `{"id":{{json .Id}},"image":{{json .Config.Image}},"image_id":{{json .Image}},"state":{{json ` +
	`.State.Status}},` +
	`"health":{{with index .State "Health"}}{{json .Status}}{{else}}""{{end}},"restarts":{{.RestartCount}},` +
	`"started":{{json .State.StartedAt}},"exit_code":{{.State.ExitCode}},` + labelFields + `}`

// labelFields are the labels of compose as fields of a format.
const labelFields = `"project":{{json (index .Config.Labels "` + labelProject + `")}},` +
	`"service":{{json (index .Config.Labels "` + labelService + `")}},` +
	`"dir":{{json (index .Config.Labels "` + labelDir + `")}},` +
	`"files":{{json (index .Config.Labels "` + labelFiles + `")}},` +
	`"oneoff":{{json (index .Config.Labels "` + labelOneoff + `")}}`

const imageFormat = `{"id":{{json .Id}},"digests":{{json .RepoDigests}}}`

// containersScript inspects all containers with the filters given, and then their images. A container that goes away
// between listing and inspecting is met by looking again; an engine that does not answer is an error, never "no
// containers".
const containersScript = `f=$1; g=$2; shift 2
for try in 1 2 3; do
ids=$(docker ps -aq --no-trunc "$@") || exit 1
[ -z "$ids" ] && exit 0
out=$(docker inspect -f "$f" $ids) || continue
images=$(printf "%s\n" "$out" | sed -n "s/.*\"image_id\":\"\([^\"]*\)\".*/\1/p" | sort -u)
printf "%s\n" "$out"
docker image inspect -f "$g" $images || test $? = 1
exit 0
done
exit 1`

// ContainersCommand inspects the containers of all compose projects or, where they are named, of one project or one
// service.
func ContainersCommand(project, service string) wire.Command {
	argv := []string{"sh", "-c", containersScript, "sh", inspectFormat, imageFormat, "--filter",
		"label=" + labelProject}
	if project != "" {
		argv = append(argv, "--filter", "label="+labelProject+"="+project)
	}
	if service != "" {
		argv = append(argv, "--filter", "label="+labelService+"="+service)
	}
	return wire.Command{Argv: argv, Timeout: 30 * time.Second}
}

// ReadContainers reads the answer to ContainersCommand.
func ReadContainers(a wire.Answer) ([]Container, error) {
	if err := a.Err("docker inspect"); err != nil {
		return nil, err
	}
	var all []Container
	digests := map[string][]string{}
	for _, line := range bytes.Split(a.Out, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var c struct {
			Container
			Oneoff string `json:"oneoff"`
		}
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, fmt.Errorf("read what docker inspect says: %w", err)
		}
		switch {
		case c.ID == "":
			return nil, errors.New("read what docker inspect says: a container without an id")
		case c.State == "":
			digests[c.ID] = c.Digests
		default:
			c.Container.Oneoff = strings.EqualFold(c.Oneoff, "true")
			all = append(all, c.Container)
		}
	}
	for i := range all {
		all[i].Digests = digests[all[i].ImageID]
	}
	return all, nil
}

// Replicas gives the replicas of a service of a project, one-off containers left out.
func Replicas(all []Container, project, service string) []container.Replica {
	replicas := []container.Replica{}
	for _, c := range all {
		if c.Project == project && c.Service == service && !c.Oneoff {
			replicas = append(replicas, c.Replica)
		}
	}
	return replicas
}

// An ImageOn is an image that a host has.
type ImageOn struct {
	ID      string   `json:"id"`
	Digests []string `json:"digests"`
}

// ImageCommand inspects one image.
func ImageCommand(ref string) wire.Command {
	return wire.Command{Argv: []string{"docker", "image", "inspect", "-f", imageFormat, "--", ref},
		Timeout: 30 * time.Second}
}

// ReadImage reads the answer to ImageCommand; false when the host has no such image.
func ReadImage(a wire.Answer) (ImageOn, bool, error) {
	if a.Code == 1 && strings.Contains(strings.ToLower(a.Stderr), "no such image") {
		return ImageOn{}, false, nil
	}
	if err := a.Err("docker image inspect"); err != nil {
		return ImageOn{}, false, err
	}
	var i ImageOn
	if err := json.Unmarshal(bytes.TrimSpace(a.Out), &i); err != nil {
		return i, false, fmt.Errorf("read what docker image inspect says: %w", err)
	}
	return i, true, nil
}
