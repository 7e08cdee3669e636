package chain

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The environment by which this test program is started again as another writer.
const (
	childDir   = "CHAIN_TEST_DIR"
	childName  = "CHAIN_TEST_NAME"
	childCount = "CHAIN_TEST_COUNT"
	childLimit = "CHAIN_TEST_LIMIT" // the largest file that the process may write
)

func TestMain(m *testing.M) {
	if os.Getenv(childDir) != "" {
		os.Exit(childMain())
	}
	os.Exit(m.Run())
}

// childMain appends until its count is reached and prints the hash of each line that was answered.
func childMain() int {
	if limit, err := strconv.ParseUint(os.Getenv(childLimit), 10, 64); err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	d := OpenDir(os.Getenv(childDir))
	count, _ := strconv.Atoi(os.Getenv(childCount))
	for i := 0; i < count; {
		_, head, last, err := d.Head()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		link, err := Read(last[0])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		id := fmt.Sprintf("%s-%d-%s", os.Getenv(childName), i, strings.Repeat("x", 200))
		next := line(head, id, link.Run, "noted")
		if i%7 == 3 {
			next = line(head, id, fmt.Sprintf("run-%s-%d", os.Getenv(childName), i), "opened")
		}
		h, err := d.Append(head, next)
		if errors.Is(err, ErrOvertaken) {
			continue
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 3
		}
		fmt.Println(h)
		i++
	}
	return 0
}

// child makes a command that is another writer on d.
func child(d *Dir, name string, count int, limit int64) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+d.path, childName+"="+name, childCount+"="+strconv.Itoa(count))
	if limit > 0 {
		c.Env = append(c.Env, childLimit+"="+strconv.FormatInt(limit, 10))
	}
	return c
}

// hashes gives the hash of every line of a chain, after checking it.
func hashes(t *testing.T, d *Dir) map[string]bool {
	t.Helper()
	if _, _, err := Verify(d.Lines()); err != nil {
		t.Fatalf("verify: %v", err)
	}
	all := map[string]bool{}
	for l, err := range d.Lines() {
		if err != nil {
			t.Fatal(err)
		}
		all[string(Sum(l))] = true
	}
	return all
}

func TestAppend_keeps_every_answered_line_of_writers_in_several_processes(t *testing.T) {
	d := OpenDir(t.TempDir())
	add(t, d, "", "a", "r", "opened")
	const each = 40
	outs := make(chan []byte, 3)
	for _, name := range []string{"ana", "ben", "cem"} {
		go func() {
			out, err := child(d, name, each, 0).Output()
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			outs <- out
		}()
	}
	answered := ""
	for range 3 {
		answered += string(<-outs)
	}
	have := hashes(t, d)
	if len(have) != 3*each+1 {
		t.Errorf("the chain has %d lines, want %d", len(have), 3*each+1)
	}
	for _, h := range strings.Fields(answered) {
		if !have[h] {
			t.Errorf("the line %s was answered and is not there", h)
		}
	}
}

func TestAppend_keeps_every_answered_line_when_its_process_is_killed(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	d := OpenDir(t.TempDir())
	add(t, d, "", "a", "r", "opened")
	answered := map[string]bool{}
	for round := range rounds {
		c := child(d, strconv.Itoa(round), 1<<30, 0)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		kill := time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond+10*time.Millisecond,
			func() { c.Process.Kill() })
		for lines.Scan() {
			answered[lines.Text()] = true
		}
		kill.Stop()
		c.Wait()
		have := hashes(t, d)
		for h := range answered {
			if len(h) == len(Sum(nil)) && !have[h] {
				t.Fatalf("round %d: the line %s was answered and is not there", round, h)
			}
		}
	}
	if len(answered) < rounds {
		t.Errorf("only %d lines were answered in %d rounds: the writers were killed too early", len(answered), rounds)
	}
	t.Logf("%d lines answered by %d killed writers", len(answered), rounds)
}

func TestAppend_shows_no_half_line_when_a_file_cannot_grow(t *testing.T) {
	d := OpenDir(t.TempDir())
	h := add(t, d, "", "a", "r", "opened")
	for i := range 3 {
		h = add(t, d, h, fmt.Sprintf("%d-%s", i, strings.Repeat("y", 200)), "r", "noted")
	}
	info, err := os.Stat(lastFile(t, d))
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []int64{0, 1, 100, 300} {
		out, err := child(d, "limited", 3, info.Size()+room).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(string(out), "file too large") {
			t.Fatalf("room for %d bytes: the writer says %v: %s", room, err, out)
		}
		if now, err := os.Stat(lastFile(t, d)); err != nil || now.Size() != info.Size() {
			t.Fatalf("room for %d bytes: the file has %d bytes, want %d", room, now.Size(), info.Size())
		}
		if _, head, _, err := d.Head(); head != h || err != nil {
			t.Fatalf("room for %d bytes: head %s, %v; want %s", room, head, err, h)
		}
	}
	add(t, d, h, "b", "r", "noted")
	if names, _ := filepath.Glob(filepath.Join(d.path, segmentsName, ".*")); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
}
