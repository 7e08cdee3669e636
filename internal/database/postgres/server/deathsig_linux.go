package server

import "syscall"

// DieWithParent lets the kernel send a signal to a child when the thread that started it ends. Its thread must not end
// before.
func DieWithParent(a *syscall.SysProcAttr, s syscall.Signal) { a.Pdeathsig = s }
