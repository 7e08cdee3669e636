package main

import (
	"errors"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
)

func TestMain_is_short_and_begins_with_what_a_crash_looks_like(t *testing.T) {
	b, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), "\n"); n > 25 {
		t.Errorf("main.go has %d lines: signals, arguments, exit status, and nothing else", n)
	}
	_, body, _ := strings.Cut(string(b), "func main() {\n")
	if !strings.HasPrefix(body, "\tdebug.SetTraceback(\"crash\")") {
		t.Error("a crash before that call ends with 2")
	}
}

func TestA_crash_ends_with_SIGABRT_and_never_with_a_documented_status(t *testing.T) {
	if os.Getenv("FAIRLEAD_CRASH") != "" {
		debug.SetTraceback("crash")
		go panic("by the test") // the testing package would recover one of its own goroutine
		select {}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run", "^TestA_crash_ends")
	cmd.Env = append(os.Environ(), "FAIRLEAD_CRASH=1")
	var end *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &end) {
		t.Fatalf("it ended with %v", err)
	}
	if s, ok := end.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGABRT {
		t.Errorf("it ended with %v, want SIGABRT", end)
	}
}
