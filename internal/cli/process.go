package cli

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// processName names a process of this machine so that a later one with the same pid is told from it: "host/pid/start".
func processName(host string, pid int) string {
	return fmt.Sprintf("%s/%d/%s", host, pid, started(pid))
}

// processAlive tells whether the process of that name still runs. known is false for a process of another machine.
func processAlive(host, name string) (alive, known bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 3 || parts[0] != host {
		return false, false
	}
	pid, err := strconv.Atoi(parts[1])
	if err != nil || pid <= 0 {
		return false, false
	}
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return false, true
	}
	now := started(pid)
	if now == "" || parts[2] == "" {
		return false, false
	}
	return now == parts[2], true
}

// started gives when a process began, in the kernel's ticks since boot together with the boot's id; "" where that
// cannot be read.
func started(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, ok := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return bootID() + "-" + fields[19]
}

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(b) < 8 {
		return "boot"
	}
	return string(b[:8])
}
