package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"text/template"
)

// ComposeFile is the sample application's compose file, a text/template over
// {{.APIPort}}, {{.WebPort}}, {{.Replicas}}, {{.EnvFile}} and {{.Health}}.
const ComposeFile = `name: {{.App}}
services:
  api:
    image: ${API_IMAGE}
    ports: ["127.0.0.1:{{.APIPort}}:8080"]
    environment: {GREETING: "${GREETING}"}
{{- if .EnvFile}}
    env_file: [.env]
{{- end}}
    restart: unless-stopped
    stop_grace_period: 10s
{{- if .Health}}
    healthcheck: &health
      test: ["CMD", "/app", "check"]
      interval: 1s
      timeout: 5s
      retries: 3
      start_period: 3s
{{- end}}
  worker:
    image: ${WORKER_IMAGE}
    restart: unless-stopped
    stop_grace_period: 20s
{{- if gt .Replicas 1}}
    deploy: {replicas: {{.Replicas}}}
{{- end}}
{{- if .Health}}
    healthcheck: *health
{{- end}}
  web:
    image: ${WEB_IMAGE}
    ports: ["127.0.0.1:{{.WebPort}}:8080"]
    restart: unless-stopped
    stop_grace_period: 10s
{{- if .Health}}
    healthcheck: *health
{{- end}}
`

func (s *Stack) writeFiles(o StackOptions) error {
	if o.Compose == "" {
		o.Compose = ComposeFile
	}
	if err := os.MkdirAll(filepath.Dir(s.ComposePath), 0o755); err != nil {
		return err
	}
	t, err := template.New("compose").Parse(o.Compose)
	if err != nil {
		return err
	}
	var text strings.Builder
	err = t.Execute(&text, map[string]any{
		"App": s.App, "APIPort": port(s.APIURL), "WebPort": port(s.WebURL),
		"Replicas": o.Replicas, "EnvFile": o.EnvFile, "Health": !o.WithoutHealth,
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.ComposePath, []byte(text.String()), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(s.EnvPath, []byte("# kept by hand, except for the images\nGREETING=hello\n"),
		0o600); err != nil {
		return err
	}
	return chownTree(s.Dir, s.Lab.Uid, s.Lab.Gid)
}

func port(address string) string {
	u, _ := url.Parse(address)
	return u.Port()
}

// Compose makes a docker compose command for the stack, run in its directory
// as a person on the host would.
func (s *Stack) Compose(ctx context.Context, args ...string) *exec.Cmd {
	cmd := s.Lab.Docker(ctx, append([]string{"compose", "-f", "infra/docker-compose.prod.yml"}, args...)...)
	cmd.Dir = s.Dir
	return cmd
}

// SetImages writes the images of a release into the .env, as by hand.
func (s *Stack) SetImages(p Published) error {
	text, err := os.ReadFile(s.EnvPath)
	if err != nil {
		return err
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if name, _, _ := strings.Cut(line, "="); !strings.HasSuffix(name, "_IMAGE") {
			kept.WriteString(line)
		}
	}
	for _, role := range services {
		fmt.Fprintf(&kept, "%s_IMAGE=%s\n", strings.ToUpper(role), p.Images[role])
	}
	return os.WriteFile(s.EnvPath, []byte(kept.String()), 0o600)
}

// RunByHand makes a release run the way the runbook does, without fairlead:
// images into the .env, docker compose pull, docker compose up -d --wait.
func (s *Stack) RunByHand(ctx context.Context, p Published) error {
	if err := s.SetImages(p); err != nil {
		return err
	}
	for _, args := range [][]string{{"pull", "-q"}, {"up", "-d", "--wait"}} {
		if out, err := s.Compose(ctx, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("docker compose %s: %w: %s\n%s", strings.Join(args, " "), err, out, s.complaints(ctx))
		}
	}
	return nil
}

// complaints is what the engine knows about containers that are not well.
func (s *Stack) complaints(ctx context.Context) string {
	all, err := s.Containers(ctx)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, c := range all {
		if c.State == "running" && c.Health != "unhealthy" {
			continue
		}
		health, _ := s.Lab.Docker(ctx, "inspect", "-f", "{{json .State}}", c.ID).CombinedOutput()
		said, _ := s.Lab.Docker(ctx, "logs", "--tail", "5", c.ID).CombinedOutput()
		fmt.Fprintf(&b, "%s: %s%s", c.Service, health, said)
	}
	return b.String()
}

// Container is one container of the stack, as docker inspect shows it.
type Container struct {
	ID       string
	Service  string
	State    string // running, exited, restarting, …
	Health   string // healthy, unhealthy, starting, or empty
	Restarts int
	// Digest is the registry digest of the image it was made from,
	// repository@sha256:…, or the image id if it has none.
	Digest string
}

// Containers lists the stack's containers, stopped ones too, by service and id.
func (s *Stack) Containers(ctx context.Context) ([]Container, error) {
	out, err := s.Lab.Docker(ctx, "ps", "-aq", "--no-trunc", "--filter",
		"label=com.docker.compose.project="+s.Project).Output()
	if err != nil {
		return nil, fmt.Errorf("docker ps: %w", err)
	}
	ids := strings.Fields(string(out))
	if len(ids) == 0 {
		return nil, nil
	}
	var seen []struct {
		ID           string `json:"Id"`
		Image        string
		RestartCount int
		State        struct {
			Status string
			Health *struct{ Status string }
		}
		Config struct{ Labels map[string]string }
	}
	if err := s.inspect(ctx, &seen, append([]string{"inspect"}, ids...)...); err != nil {
		return nil, err
	}
	var all []Container
	for _, c := range seen {
		digest, err := s.digestOf(ctx, c.Image)
		if err != nil {
			return nil, err
		}
		one := Container{
			ID: c.ID, Service: c.Config.Labels["com.docker.compose.service"],
			State: c.State.Status, Restarts: c.RestartCount, Digest: digest,
		}
		if c.State.Health != nil {
			one.Health = c.State.Health.Status
		}
		all = append(all, one)
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].Service+all[i].ID < all[j].Service+all[j].ID
	})
	return all, nil
}

// RunningDigests maps each service to the image digests of its running
// containers, one per replica.
func (s *Stack) RunningDigests(ctx context.Context) (map[string][]string, error) {
	all, err := s.Containers(ctx)
	if err != nil {
		return nil, err
	}
	digests := map[string][]string{}
	for _, c := range all {
		if c.State == "running" {
			digests[c.Service] = append(digests[c.Service], c.Digest)
		}
	}
	return digests, nil
}

func (s *Stack) digestOf(ctx context.Context, id string) (string, error) {
	var seen []struct{ RepoDigests []string }
	if err := s.inspect(ctx, &seen, "image", "inspect", id); err != nil {
		return "", err
	}
	for _, d := range seen[0].RepoDigests {
		if strings.HasPrefix(d, s.Lab.RegistryHost+"/"+s.App+"/") {
			return d, nil
		}
	}
	return id, nil
}

func (s *Stack) inspect(ctx context.Context, into any, args ...string) error {
	out, err := s.Lab.Docker(ctx, args...).Output()
	if err != nil {
		return fmt.Errorf("docker %s: %w", args[0], err)
	}
	return json.Unmarshal(out, into)
}

func (s *Stack) removeContainers(ctx context.Context) error {
	all, err := s.Containers(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if out, err := s.Lab.Docker(ctx, "rm", "-f", "-v", c.ID).CombinedOutput(); err != nil {
			return fmt.Errorf("docker rm: %w: %s", err, out)
		}
	}
	_ = s.Lab.Docker(ctx, "network", "rm", s.Project+"_default").Run()
	return nil
}
