package lab

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// prepare lays out a lab's folder: the sample application, the compose plugin
// and the keys. All of it happens outside the namespaces, where the Go
// toolchain reaches its modules.
func prepare(ctx context.Context, dir string) error {
	for _, d := range []string{"log", "run", "etc", "ssh", "home", "srv", "blobs", "docker-config/cli-plugins",
		"libexec/docker/cli-plugins"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := buildApp(ctx, filepath.Join(dir, "app")); err != nil {
		return err
	}
	plugin, err := ComposePlugin()
	if err != nil {
		return err
	}
	system := filepath.Join(dir, "libexec/docker/cli-plugins/docker-compose")
	if err := copyFile(plugin, system, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(system, filepath.Join(dir, "docker-config/cli-plugins/docker-compose")); err != nil {
		return err
	}
	for _, key := range []string{"host", "deploy"} {
		out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key,
			"-f", filepath.Join(dir, "ssh", key)).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	// Made new for each lab, so that a test can search outputs for it.
	return os.WriteFile(filepath.Join(dir, "etc", "password"), []byte("pw-"+rand.Text()), 0o600)
}

func buildApp(ctx context.Context, out string) error {
	root, err := ModuleRoot()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", out,
		"./internal/lab/app")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the sample application: %w: %s", err, text)
	}
	return nil
}

// ModuleRoot is the folder of this checkout: the nearest one, from the working
// directory upwards, with a go.mod that says module fairlead.
func ModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		text, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module fairlead\n") {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no checkout of fairlead at or above %s", dir)
		}
	}
}

// ComposePlugin is the compose plugin that scripts/install.sh built.
func ComposePlugin() (string, error) {
	return tool("compose", "github.com/docker/compose/v2", "docker-compose")
}

// S3Server is the S3 server that scripts/install.sh built: its "posix" backend keeps objects as files.
func S3Server() (string, error) { return tool("s3", "github.com/versity/versitygw", "versitygw") }

// tool finds a program that scripts/install.sh built from a module of tools/NAME.
func tool(name, module, program string) (string, error) {
	cache := os.Getenv("FAIRLEAD_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(base, "fairlead")
	}
	root, err := ModuleRoot()
	if err != nil {
		return "", err
	}
	mod, err := os.ReadFile(filepath.Join(root, "tools", name, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != module {
			continue
		}
		path := filepath.Join(cache, name, fields[1], program)
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s is not built (run scripts/install.sh): %w", program, err)
		}
		return path, nil
	}
	return "", fmt.Errorf("tools/%s/go.mod names no version of %s", name, module)
}

func copyFile(from, to string, mode os.FileMode) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, mode)
}
