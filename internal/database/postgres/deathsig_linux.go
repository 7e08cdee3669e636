package postgres

import "syscall"

// endsWithUs lets the kernel send a signal to a child when the thread that started it ends. Its thread must not end before.
func endsWithUs(a *syscall.SysProcAttr, s syscall.Signal) { a.Pdeathsig = s }
