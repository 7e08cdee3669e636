package backuptest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Flat writes an object of that many megabytes, reads it back, commits it and deletes it, and fails when this process
// ever had more than limit megabytes in memory. It logs how fast that was. FAIRLEAD_STREAM_MB sets another size.
func Flat(t *testing.T, s Store, megabytes, limit int) {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("FAIRLEAD_STREAM_MB")); err == nil && n > 0 {
		megabytes = n
	}
	debug.FreeOSMemory() // what tests before this one have left
	forgetPeak(t)
	chunk := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte("flat"))).Read(chunk)
	begun := time.Now()
	p, err := s.Put(t.Context(), "flat")
	must(t, "put", err)
	t.Cleanup(func() { _ = p.Abort() })
	sum := sha256.New()
	for i := range megabytes {
		chunk[i%len(chunk)]++
		sum.Write(chunk)
		_, err := p.Write(chunk)
		must(t, "write", err)
	}
	wrote := time.Since(begun)
	r, err := p.Reread(t.Context())
	must(t, "read back", err)
	again := digest(t, r)
	if !bytes.Equal(again.Sum(nil), sum.Sum(nil)) {
		t.Error("what was read back is not what was written")
	}
	read := time.Since(begun) - wrote
	must(t, "commit", p.Commit(t.Context()))
	committed := time.Since(begun) - wrote - read
	must(t, "delete", s.Delete(t.Context(), "flat", "the test is over"))
	peak := peak(t)
	rate := func(d time.Duration) string { return fmt.Sprintf("%.0f MB/s", float64(megabytes)*1.048576/d.Seconds()) }
	t.Logf("%d MB: written with %s, read back with %s, committed in %s; at most %d MB in memory", megabytes,
		rate(wrote), rate(read), committed.Round(time.Millisecond), peak)
	if peak > limit {
		t.Errorf("%d MB were in memory, at most %d may be", peak, limit)
	}
}

func digest(t *testing.T, r io.ReadCloser) hash.Hash {
	t.Helper()
	defer r.Close()
	h := sha256.New()
	_, err := io.Copy(h, r)
	must(t, "read", err)
	return h
}

// forgetPeak lets the system count anew how much memory this process had at most.
func forgetPeak(t *testing.T) {
	t.Helper()
	must(t, "forget the peak", os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
}

// peak gives the most memory that this process had, in MB.
func peak(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	must(t, "read the peak", err)
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			n, err := strconv.Atoi(f[1])
			must(t, "read the peak", err)
			return n >> 10
		}
	}
	t.Fatal("the system does not tell the peak")
	return 0
}
