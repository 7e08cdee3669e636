//go:build !linux

package agent

import (
	"errors"
	"os"
)

func secretFile([]byte) (*os.File, error) { return nil, errors.ErrUnsupported }
