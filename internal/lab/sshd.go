package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// sshServer is OpenSSH with a configuration and a host key of its own. Only
// the deploy user's key gets in.
type sshServer struct {
	dir string
	p   process
}

func (s *sshServer) start(ctx context.Context) error {
	if err := s.configure(); err != nil {
		return err
	}
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = "/usr/sbin/sshd"
	}
	if err := s.p.run(s.dir, "sshd", nil, sshd, "-D", "-e", "-f",
		filepath.Join(s.dir, "ssh", "sshd_config")); err != nil {
		return err
	}
	return waitFor(ctx, "sshd", 20*time.Second, func(ctx context.Context) error {
		if err := s.p.running(); err != nil {
			return err
		}
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", sshPort))
		if err != nil {
			return err
		}
		return c.Close()
	})
}

func (s *sshServer) configure() error {
	at := func(name string) string { return filepath.Join(s.dir, "ssh", name) }
	config := fmt.Sprintf(`Port %d
ListenAddress 127.0.0.1
HostKey %s
AuthorizedKeysFile %s
AllowUsers %s
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
UseDNS no
LogLevel VERBOSE
MaxSessions 10
MaxStartups 100
Subsystem sftp internal-sftp
`, sshPort, at("host"), at("deploy.pub"), deployUser)
	if err := os.WriteFile(at("sshd_config"), []byte(config), 0o644); err != nil {
		return err
	}
	key, err := os.ReadFile(at("host.pub"))
	if err != nil {
		return err
	}
	fields := strings.Fields(string(key))
	// The second line is for proxies in front of sshd, on ports of their own.
	known := fmt.Sprintf("[127.0.0.1]:%d %s %s\n[127.0.0.1]:* %s %s\n", sshPort, fields[0], fields[1], fields[0],
		fields[1])
	return os.WriteFile(at("known_hosts"), []byte(known), 0o644)
}

// stop ends the listener and every session of the deploy user's: a machine
// whose sshd is stopped is a machine that cannot be reached.
func (s *sshServer) stop(bool) error {
	err := s.p.end(syscall.SIGTERM, 10*time.Second)
	for _, pid := range processesTitled("sshd: ") {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return err
}

// processesTitled lists the lab's processes whose command line starts so.
func processesTitled(title string) []int {
	var found []int
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(text), title) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(name, "/proc/%d/cmdline", &pid); err == nil {
			found = append(found, pid)
		}
	}
	return found
}
