package objectdir

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func freeAt(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}

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
