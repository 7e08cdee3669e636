//go:build !linux

package objectdir

import (
	"fmt"
	"os"
)

func dropCache(*os.File) {}

func renameNew(_, _ string, linkErr error) error {
	return fmt.Errorf("the file system has no hard links: %w", linkErr)
}
