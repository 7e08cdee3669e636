//go:build postgres

package server

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestHiddenFile_is_readable_by_its_owner_only_and_goes(t *testing.T) {
	path, done, err := hiddenFile("*:*:*:*:x\n")
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, error %v", st.Mode(), err)
	}
	done()
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory is left: %v", err)
	}
}
