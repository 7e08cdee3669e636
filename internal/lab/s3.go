package lab

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The key of the S3 server.
const (
	S3Key    = "fairlead-test"
	S3Secret = "fairlead-test-secret"
)

// StartS3 starts an S3 server on this machine, in the network of the test, until the test ends. It keeps objects as
// files in dir/BUCKET; the folder of a bucket is the bucket. It gives host and port.
func StartS3(t testing.TB, dir string, buckets ...string) string {
	t.Helper()
	program, err := S3Server()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range buckets {
		if err := os.Mkdir(filepath.Join(dir, b), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--port", address, "--quiet", "--keep-alive", "posix", dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+S3Key, "ROOT_SECRET_ACCESS_KEY="+S3Secret)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the S3 server said:\n%.2000s", said.String())
		}
	})
	if err := listens(address, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	return address
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func listens(address string, patience time.Duration) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("nobody listens on %s", address)
}
