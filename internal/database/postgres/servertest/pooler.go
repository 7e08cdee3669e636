package servertest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/database/postgrestest"
)

// Pooled starts Debian's PgBouncer in front of the server and gives the URL that leads through it.
func Pooled(t *testing.T, direct, mode string) string {
	t.Helper()
	program := "/usr/sbin/pgbouncer"
	if found, err := exec.LookPath("pgbouncer"); err == nil {
		program = found
	}
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	port, err := postgrestest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(Server.Dir, "bouncer-")
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	text := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port "+
		"= %d\nunix_socket_dir =\nauth_type = plain\nauth_file = %s/users\npool_mode = %s\n",
		Server.Port, port, dir, mode)
	for name, content := range map[string]string{"ini": text, "users": fmt.Sprintf("%q \"%s\"\n", u.User.Username(),
		password)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, filepath.Join(dir, "ini"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: Server.Who}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	u.Host = fmt.Sprintf("127.0.0.1:%d", port)
	for range 100 {
		c, err := net.Dial("tcp", u.Host)
		if err == nil {
			c.Close()
			return u.String()
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("PgBouncer does not answer: %s", said.String())
	return ""
}
