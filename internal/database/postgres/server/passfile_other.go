//go:build !linux

package server

import (
	"errors"
	"os"
)

func anonymousFile() (*os.File, error) { return nil, errors.ErrUnsupported }
