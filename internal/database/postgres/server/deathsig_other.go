//go:build !linux

package server

import "syscall"

// DieWithParent does nothing here: what a killed process leaves is found and ended by the next start.
func DieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
