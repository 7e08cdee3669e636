//go:build real

package lab

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the lab command, built here unless make has built it. These tests
// bring up labs of their own, next to the one they run in.
func program(t *testing.T) string {
	t.Helper()
	if bin := os.Getenv(BinVar); bin != "" {
		return filepath.Join(bin, "lab")
	}
	root, err := ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "lab")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", out, "./internal/lab/cmd/lab")
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

// leftovers lists what is there of a lab: its folder, mounts, cgroups, processes.
func leftovers(dir string) []string {
	var left []string
	if _, err := os.Stat(dir); err == nil {
		left = append(left, dir)
	}
	mounted, _ := mountsBelow(dir)
	left = append(left, mounted...)
	cgroups, _ := filepath.Glob("/sys/fs/cgroup/*/" + cgroupName(dir))
	left = append(left, cgroups...)
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range lines {
		if text, err := os.ReadFile(name); err == nil && strings.Contains(string(text), dir) {
			left = append(left, name+" "+strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return left
}

func nothingIsLeft(t *testing.T, dir string, within time.Duration) {
	t.Helper()
	until := time.Now().Add(within)
	for len(leftovers(dir)) > 0 {
		if time.Now().After(until) {
			t.Fatalf("left behind: %s", strings.Join(leftovers(dir), "\n"))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// busy makes a lab run containers.
func busy(t *testing.T, l *Lab) *Stack {
	t.Helper()
	ctx := patience(t)
	s, err := l.Stack(ctx, StackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RunByHand(ctx, publish(t, s, Release{Tag: "v1.0.0"})); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUp_gives_labs_that_do_not_touch_each_other_and_leave_nothing(t *testing.T) {
	ctx := patience(t)
	p := program(t)
	var labs []*Lab
	for range 2 {
		l, err := Up(ctx, Options{Program: p})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Down() })
		labs = append(labs, l)
	}
	one, two := busy(t, labs[0]), busy(t, labs[1])
	if one.APIURL != two.APIURL {
		t.Error("two labs need different ports")
	}
	if err := labs[0].Down(); err != nil {
		t.Fatal(err)
	}
	nothingIsLeft(t, labs[0].Dir, 0)
	if got, err := two.RunningDigests(ctx); err != nil || len(got) != 3 {
		t.Errorf("the other lab runs %v (%v)", got, err)
	}
	if code, body := get(ctx, labs[1], two.APIURL+"/health"); code != 200 {
		t.Errorf("the other lab answers %d %s", code, body)
	}
	if err := labs[1].Down(); err != nil {
		t.Fatal(err)
	}
	nothingIsLeft(t, labs[1].Dir, 0)
	if err := labs[1].Down(); err != nil {
		t.Errorf("down twice: %v", err)
	}
}

func TestDown_cleans_up_after_a_lab_that_was_killed(t *testing.T) {
	l, err := Up(patience(t), Options{Program: program(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Down() })
	busy(t, l)
	if err := syscall.Kill(l.Init, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := l.Down(); err != nil {
		t.Fatal(err)
	}
	nothingIsLeft(t, l.Dir, 0)
}

func TestRun_leaves_nothing_when_it_is_killed(t *testing.T) {
	cmd := exec.CommandContext(patience(t), program(t), "run", "--", "sh", "-c", "echo $FAIRLEAD_LAB; exec sleep 60")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir = strings.TrimSpace(dir)
	if _, err := Attach(dir); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	nothingIsLeft(t, dir, 10*time.Second)
}

func TestRun_gives_the_commands_exit_status(t *testing.T) {
	err := exec.CommandContext(patience(t), program(t), "run", "--", "sh", "-c", "exit 7").Run()
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.ExitCode() != 7 {
		t.Errorf("got %v, want exit status 7", err)
	}
}

// How long a lab needs to come up depends on what else the machine does, so that it is given more time until it does.
func TestUp_ends_a_lab_whose_time_is_over(t *testing.T) {
	limit := 8 * time.Second
	l, err := Up(context.Background(), Options{Program: program(t), Stays: true, For: limit})
	for err != nil && limit < 2*time.Minute {
		limit *= 3
		l, err = Up(context.Background(), Options{Program: program(t), Stays: true, For: limit})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Down() })
	nothingIsLeft(t, l.Dir, limit+20*time.Second)
}
