package server

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// anonymousFile has no name; it is gone with the last process that holds it.
func anonymousFile() (*os.File, error) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		return nil, fmt.Errorf("make an anonymous file: %w", err)
	}
	fd, err := unix.MemfdCreate("fairlead", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an anonymous file: %w", err)
	}
	return os.NewFile(uintptr(fd), "fairlead"), nil
}
