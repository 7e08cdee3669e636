package assemble

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"fairlead/internal/sqlreview"
)

// maxWaivers is how large the file of waivers may be.
const maxWaivers = 4 << 20

// ReadWaivers reads a file of waivers; no name and no file give none.
func ReadWaivers(path string) ([]sqlreview.Waiver, error) {
	if path == "" {
		return nil, nil
	}
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular() || st.Size() > maxWaivers:
		return nil, fmt.Errorf("%s is no file of at most %d MiB", path, maxWaivers>>20)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all, err := sqlreview.DecodeWaivers(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}
