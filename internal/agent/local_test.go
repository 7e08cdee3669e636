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
	dir := t.TempDir()
	name, begun, over := filepath.Join(dir, "rolling"), filepath.Join(dir, "begun"), filepath.Join(dir, "over")
	held, err := lock(name, false)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := Local{Held: held}.Run(context.Background(),
			wire.Command{Timeout: 10 * time.Second, Argv: []string{
				"sh", "-c", `: >"$1"; until [ -e "$2" ]; do sleep 0.01; done`, "sh", begun, over}})
		ended <- err
	}()
	for _, err := os.Stat(begun); err != nil; _, err = os.Stat(begun) {
		time.Sleep(time.Millisecond)
	}
	held.Close() // as the kernel does for a process that was killed
	if f, err := lock(name, false); f != nil || err != nil {
		t.Errorf("the lock was free (%v) while the command was at work", err)
	}
	check(t, os.WriteFile(over, nil, 0o600))
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
