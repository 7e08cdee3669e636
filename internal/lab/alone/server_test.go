//go:build postgres

package alone

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fairlead/internal/database/postgrestest"
)

// server is the PostgreSQL of this package's tests, on a free port, gone with them.
var server *postgrestest.Server

// program is the fairlead under test.
var program string

const password = "s3cr:et-pa-ss"

func TestMain(m *testing.M) {
	os.Exit(withServer(m))
}

func withServer(m *testing.M) int {
	s, err := postgrestest.Start(postgrestest.Options{Password: password})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start PostgreSQL:", err)
		return 1
	}
	defer s.Stop()
	server = s
	dir, err := os.MkdirTemp("", "fairlead-alone-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build fairlead:", err)
		return 1
	}
	return m.Run()
}

// build makes the program, unless FAIRLEAD_BIN names a folder that has it.
func build(dir string) error {
	if bin := os.Getenv("FAIRLEAD_BIN"); bin != "" {
		program = filepath.Join(bin, "fairlead")
		return nil
	}
	program = filepath.Join(dir, "fairlead")
	out, err := exec.Command("go", "build", "-o", program, "fairlead/cmd/fairlead").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
