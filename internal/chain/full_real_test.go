//go:build real

package chain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fairlead/internal/lab/smalldisk"
)

func TestAppend_goes_on_after_a_full_disk(t *testing.T) {
	mount := t.TempDir()
	smalldisk.Mount(t, mount, 128<<10)
	d := OpenDir(filepath.Join(mount, "ledger"))
	ballast := filepath.Join(mount, "ballast")
	h := add(t, d, "", "a", "r", "opened")
	lines := 1
	for round := range 6 {
		if err := os.WriteFile(ballast, make([]byte, 40<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			verdict, run := "noted", fmt.Sprintf("r-%d", round)
			if i == 0 {
				verdict = "opened"
			}
			l := line(h, fmt.Sprintf("%d-%d-%s", round, i, strings.Repeat("x", 3000)), run, verdict)
			next, err := d.Append(h, l)
			if err == nil {
				h, lines = next, lines+1
				continue
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("round %d: %v, want no space", round, err)
			}
			break
		}
		if _, head, _, err := d.Head(); head != h || err != nil {
			t.Fatalf("round %d, full: head %s, %v; want %s", round, head, err, h)
		}
		if _, err := d.Put(make([]byte, 64<<10)); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("round %d, full: a blob gives %v, want no space", round, err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		h = add(t, d, h, fmt.Sprintf("close-%d", round), fmt.Sprintf("n-%d", round), "opened")
		lines++
		if n, head, err := Verify(d.Lines()); n != lines || head != h || err != nil {
			t.Fatalf("round %d: %d lines up to %s, %v; want %d up to %s", round, n, head, err, lines, h)
		}
		os.RemoveAll(filepath.Join(d.path, segmentsName))
		h, lines = add(t, d, "", fmt.Sprintf("again-%d", round), "r", "opened"), 1
	}
}
