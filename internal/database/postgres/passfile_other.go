//go:build !linux

package postgres

import (
	"errors"
	"os"
)

func anonymousFile() (*os.File, error) { return nil, errors.ErrUnsupported }
