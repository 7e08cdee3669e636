//go:build !linux

package program

import (
	"errors"
	"time"
)

var errUnseen = errors.New("the processes of this system cannot be looked at")

// Machine cannot be told here.
func Machine() (string, error) { return "", errUnseen }

// Running cannot be told here.
func Running(string, time.Time) ([]int, error) { return nil, errUnseen }
