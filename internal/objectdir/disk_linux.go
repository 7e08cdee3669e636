package objectdir

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// dropCache asks the system to read from the disk; it may not.
func dropCache(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

func renameNew(from, to string, linkErr error) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS {
		return fmt.Errorf("the file system can neither link nor rename without replacing: %w", linkErr)
	}
	return err
}
