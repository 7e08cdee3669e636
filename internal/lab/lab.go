package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fairlead/internal/atomicfile"
)

// Lab is one running lab. Its fields are facts for use by hand and in tests;
// they are read from lab.json in Dir and hold for the lab's whole life.
type Lab struct {
	// Dir holds everything of the lab: sockets, data, logs, keys.
	Dir string
	// Init is the process id, on the machine, of the lab's first process.
	Init int
	// Netns is a path that names the lab's network namespace.
	Netns string
	// RegistryHost is the registry's host and port, plain http.
	RegistryHost string
	// DatabaseURL is the PostgreSQL superuser's URL; a Stack has its own role.
	DatabaseURL string
	// SSHHost, SSHPort and SSHUser name the machine to deploy to.
	SSHHost string
	SSHPort int
	SSHUser string
	// IdentityFile and KnownHosts are the files an ssh client needs.
	IdentityFile string
	KnownHosts   string
	// DockerHost and DockerConfig make the docker client on this machine use
	// the lab's engine and its compose plugin.
	DockerHost   string
	DockerConfig string
	// WebhookURL is the receiver; what it got is in WebhookFile, a JSON line each.
	WebhookURL  string
	WebhookFile string
	// Uid and Gid are those of the deploy user.
	Uid int
	Gid int
}

// DirVar is the environment variable that names the lab a program runs in.
const DirVar = "FAIRLEAD_LAB"

// ErrNoLab says that no lab is running where one was expected.
var ErrNoLab = errors.New("no lab is running")

// Attach opens the lab that runs in dir. It gives ErrNoLab when there is none.
func Attach(dir string) (*Lab, error) {
	text, err := os.ReadFile(filepath.Join(dir, "lab.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoLab)
	}
	if err != nil {
		return nil, err
	}
	var l Lab
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, fmt.Errorf("read %s/lab.json: %w", dir, err)
	}
	p, err := readFirst(dir)
	if err != nil || !p.alive() {
		return nil, fmt.Errorf("%s: its first process has ended: %w", dir, ErrNoLab)
	}
	return &l, nil
}

// Here opens the lab that this test runs in and fails the test when there is
// none: `make test` runs tests with the build tag real inside one.
func Here(t testing.TB) *Lab {
	t.Helper()
	dir := os.Getenv(DirVar)
	if dir == "" {
		t.Fatalf("%s is not set: run this test with `make test`, or `make lab` and then go test -tags real -exec "+
			"\"bin/lab exec --\"", DirVar)
	}
	l, err := Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Env lists the variables that make this machine's programs use the lab.
func (l *Lab) Env() []string {
	return []string{
		DirVar + "=" + l.Dir,
		"DOCKER_HOST=" + l.DockerHost,
		"DOCKER_CONFIG=" + l.DockerConfig,
		"SLACK_WEBHOOK=" + l.WebhookURL + "/slack",
	}
}

func (l *Lab) save() error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(l.Dir, "lab.json"), append(text, '\n'), 0o600)
}
