package agent

import (
	"context"
	"fmt"
	"os"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/fence"
	"fairlead/internal/rollout"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

// convergeLimit is how long compose may take to stop and start one service.
const convergeLimit = 15 * time.Minute

// machine is this host as rollout needs it: the docker command line, the env file, the fence.
type machine struct {
	keeper keeper
	stack  stack.Stack
	ticket fence.Ticket
	turn   *os.File // the lock under which one rollout works at a time
}

var _ rollout.Host = machine{}

// Allow reads the fence anew each time.
func (m machine) Allow(_ context.Context, t fence.Ticket) error { return m.keeper.check(t) }

// Look inspects the containers of a service and reads its key from the env files. A rollout that was overtaken still
// looks to its end: that it was overtaken is told where it waits.
func (m machine) Look(ctx context.Context, s rollout.Service) (container.Service, error) {
	answers, err := Local{}.Run(context.WithoutCancel(ctx), stack.ContainersCommand(m.stack.Project, s.Name))
	if err != nil {
		return container.Service{}, err
	}
	all, err := stack.ReadContainers(answers[0])
	if err != nil {
		return container.Service{}, err
	}
	seen := container.Service{Name: s.Name, Replicas: stack.Replicas(all, m.stack.Project, s.Name)}
	seen.Configured, err = m.configured(m.key(s.Name))
	return seen, err
}

// key is the image key of a service, "" for one that the project does not have.
func (m machine) key(service string) string {
	k, _ := m.stack.Key(service)
	return k.ImageEnv
}

// configured is the value that compose reads: that of the last file that names the key.
func (m machine) configured(key string) (string, error) {
	value := ""
	for _, name := range m.stack.EnvFiles {
		b, err := readFile(name)
		if err != nil {
			return "", err
		}
		f, err := stack.ParseEnv(b)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		if v, ok := f.Value(key); ok {
			value = v
		}
	}
	return value, nil
}

// Configure replaces the image key, under the lock under which a larger number would be taken: nothing comes in
// between.
func (m machine) Configure(_ context.Context, s rollout.Service) error {
	key := m.key(s.Name)
	if err := m.set(key, s.Image); err != nil {
		return fmt.Errorf("set %s for %s: %w", key, s.Name, err)
	}
	return nil
}

func (m machine) set(key, image string) error {
	held, err := m.keeper.lock()
	if err != nil {
		return err
	}
	defer held.Close()
	if err := m.keeper.check(m.ticket); err != nil {
		return err
	}
	return setImage(m.stack.Store, key, image)
}

// Converge lets compose replace the containers of one service. It is not stopped in the middle by anything but its own
// limit: half an "up" is an outage. Replicas that somebody added by hand are kept.
func (m machine) Converge(ctx context.Context, s rollout.Service) error {
	args := []string{"up", "--detach", "--no-deps", "--no-build", "--pull", "never", "--quiet-pull"}
	env, err := m.others(s.Name)
	if err != nil {
		return err
	}
	now, err := m.Look(ctx, s)
	if err != nil {
		return err
	}
	if n := running(now); n > max(m.stack.Scale[s.Name], 1) {
		args = append(args, "--scale", fmt.Sprintf("%s=%d", s.Name, n))
	}
	argv := m.stack.ComposeArgs(present, append(args, s.Name)...)
	answers, err := Local{Held: m.turn}.Run(context.WithoutCancel(ctx),
		wire.Command{Argv: argv, Env: env, Timeout: convergeLimit})
	if err != nil {
		return err
	}
	return answers[0].Err("docker compose up " + s.Name)
}

func running(s container.Service) int {
	n := 0
	for _, r := range s.Replicas {
		if r.State == "running" {
			n++
		}
	}
	return n
}

// others gives a value to the image keys that have none yet, in a first deployment: compose refuses a project in which
// any service lacks an image, and touches only the one that it is asked for.
func (m machine) others(service string) ([]string, error) {
	var env []string
	for _, k := range m.stack.Services {
		value, err := m.configured(k.ImageEnv)
		if err != nil {
			return nil, err
		}
		if value == "" && k.Service != service {
			env = append(env, k.ImageEnv+"="+m.stack.Probe()[k.Service])
		}
	}
	return env, nil
}

func present(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
