package agent

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// secretFile has no name; it is gone with the last process that holds it.
func secretFile(content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("fairlead", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an anonymous file: %w", err)
	}
	f := os.NewFile(uintptr(fd), "fairlead")
	if err := f.Chmod(0o600); err != nil {
		f.Close()
		return nil, fmt.Errorf("make an anonymous file: %w", err)
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return nil, fmt.Errorf("fill an anonymous file: %w", err)
	}
	return f, nil
}
