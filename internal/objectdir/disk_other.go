//go:build !linux

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
	return int64(st.Bavail) * int64(st.Bsize), nil
}

func dropCache(*os.File) {}

func renameNew(_, _ string, linkErr error) error {
	return fmt.Errorf("the file system has no hard links: %w", linkErr)
}
