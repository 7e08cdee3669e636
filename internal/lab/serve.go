package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The lab's addresses. They are the same in every lab, because each has a
// network namespace of its own.
const (
	registryPort = 5000
	postgresPort = 5432
	sshPort      = 2222
	webhookPort  = 9000
)

// part is one server of the lab that can be stopped and started again.
type part interface {
	start(ctx context.Context) error
	stop(hard bool) error
}

// Serve runs the lab's parts and returns when ctx ends. Only the hidden command
// `lab serve` calls it, inside the lab's namespaces.
func Serve(ctx context.Context, dir string) error {
	l, err := describe(dir)
	if err != nil {
		return err
	}
	parts := map[string]part{
		"registry": &registryServer{dir: filepath.Join(dir, "blobs"), addr: l.RegistryHost},
		"postgres": &postgresServer{dir: dir},
		"sshd":     &sshServer{dir: dir},
		"docker":   &engineServer{dir: dir, gid: l.Gid},
		"webhook":  &webhookServer{file: l.WebhookFile},
	}
	if err := startAll(ctx, parts); err != nil {
		return err
	}
	control, err := net.Listen("unix", controlSocket(dir))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: controlHandler(parts), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(control) }()
	if err := l.save(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func startAll(ctx context.Context, parts map[string]part) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	for name, p := range parts {
		wg.Go(func() {
			began := time.Now()
			err := p.start(ctx)
			fmt.Fprintf(os.Stderr, "%s: up after %s (%v)\n", name, time.Since(began).Round(time.Millisecond), err)
			if err != nil {
				mu.Lock()
				failed = append(failed, fmt.Errorf("start %s: %w", name, err))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

func describe(dir string) (*Lab, error) {
	p, err := readFirst(dir)
	if err != nil {
		return nil, err
	}
	u, err := user.Lookup(deployUser)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	password, err := os.ReadFile(filepath.Join(dir, "etc", "password"))
	if err != nil {
		return nil, err
	}
	return &Lab{
		Dir:          dir,
		Init:         p.Pid,
		Netns:        fmt.Sprintf("/proc/%d/ns/net", p.Pid),
		RegistryHost: fmt.Sprintf("localhost:%d", registryPort),
		DatabaseURL: fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", password,
			postgresPort),
		SSHHost:      "127.0.0.1",
		SSHPort:      sshPort,
		SSHUser:      deployUser,
		IdentityFile: filepath.Join(dir, "ssh", "deploy"),
		KnownHosts:   filepath.Join(dir, "ssh", "known_hosts"),
		DockerHost:   "unix://" + filepath.Join(dir, "run", "docker.sock"),
		DockerConfig: filepath.Join(dir, "docker-config"),
		WebhookURL:   fmt.Sprintf("http://127.0.0.1:%d", webhookPort),
		WebhookFile:  filepath.Join(dir, "log", "webhook.jsonl"),
		Uid:          uid,
		Gid:          gid,
	}, nil
}

func controlSocket(dir string) string { return filepath.Join(dir, "run", "control.sock") }

// controlHandler answers POST /<part>/<start|stop|kill>.
func controlHandler(parts map[string]part) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		name, act, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		p, ok := parts[name]
		if !ok {
			http.Error(w, "no part named "+name, http.StatusNotFound)
			return
		}
		var err error
		switch act {
		case "start":
			// The part outlives this request.
			err = p.start(context.WithoutCancel(r.Context()))
		case "stop":
			err = p.stop(false)
		case "kill":
			err = p.stop(true)
		default:
			http.Error(w, "start, stop or kill", http.StatusBadRequest)
			return
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}
