package agent

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/wire"
)

// A runner that is killed leaves its "docker compose up" behind; the next one must wait for it.
func TestLocal_lock_stays_taken_until_the_command_has_ended(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rolling")
	held, err := lock(name, false)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := Local{Held: held}.Run(context.Background(),
			wire.Command{Argv: []string{"sh", "-c", "echo up; sleep 1"}, Timeout: 10 * time.Second})
		ended <- err
	}()
	time.Sleep(300 * time.Millisecond)
	held.Close() // as the kernel does for a process that was killed
	if f, err := lock(name, false); f != nil || err != nil {
		t.Errorf("the lock was free (%v) while the command was at work", err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	f, err := lock(name, false)
	if f == nil || err != nil {
		t.Fatalf("the lock is still taken after the command has ended: %v", err)
	}
	f.Close()
	_ = os.Remove(name)
}
