package world_test

import (
	"flag"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead/internal/world"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "tell the story of this seed alone, with its trace")
	storiesFlag = flag.Int("stories", 10000, "how many stories TestStory_keeps_the_promises tells")
	showFlag    = flag.Int("show", 3, "how many failing seeds are told with their traces")
	manyFlag    = flag.Int("failures", 20, "after how many failing seeds the test stops")
	fromFlag    = flag.Uint64("from", 1, "the first seed")
)

// tally adds up over all stories.
type tally struct {
	mu     sync.Mutex
	faults map[world.Fault]int
	ends   map[string]int
	events int
	broken []uint64
	kinds  map[string][]uint64
}

func (t *tally) add(s *story) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range world.Faults() {
		t.faults[f] += s.Injected(f)
	}
	t.events += s.Events()
	for _, o := range s.operators {
		switch {
		case o.proc.Crashed():
			t.ends["crashed"]++
		case o.ending != nil:
			t.ends[o.ending.Outcome.String()]++
		default:
			t.ends["did not begin"]++
		}
	}
	if len(s.broken) > 0 {
		t.broken = append(t.broken, s.Seed())
		t.kinds[kind(s.broken[0])] = append(t.kinds[kind(s.broken[0])], s.Seed())
	}
}

// kind is a broken promise without what differs between stories.
func kind(broken string) string {
	line, _, _ := strings.Cut(broken, "\n")
	return regexp.MustCompile(`[0-9]+|made \[.*\]`).ReplaceAllString(fmt.Sprintf("%.90s", line), "N")
}

func (t *tally) String() string {
	var b strings.Builder
	for _, f := range world.Faults() {
		fmt.Fprintf(&b, " %s %d,", f, t.faults[f])
	}
	return fmt.Sprintf("faults:%s commands: %v, events %d", b.String(), t.ends, t.events)
}

func TestStory_keeps_the_promises(t *testing.T) {
	if *seedFlag != 0 {
		tell(t, *seedFlag)
		return
	}
	n := uint64(*storiesFlag)
	if testing.Short() {
		n = min(n, 1000)
	}
	pool()
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // the stories are garbage as soon as they are told
	all := &tally{faults: map[world.Fault]int{}, ends: map[string]int{}, kinds: map[string][]uint64{}}
	began := time.Now()
	var next atomic.Uint64
	var told atomic.Uint64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				k := next.Add(1) - 1
				if k >= n || enough(all) {
					return
				}
				s := newStory(*fromFlag + k)
				s.play()
				all.add(s)
				told.Add(1)
			}
		})
	}
	workers.Wait()
	took := time.Since(began)
	t.Logf("%d stories in %s (%.0f a second); %s", told.Load(), took.Round(time.Millisecond),
		float64(told.Load())/took.Seconds(), all)
	for k, seeds := range all.kinds {
		t.Logf("%5d × %s, seeds %v", len(seeds), k, seeds[:min(len(seeds), 6)])
	}
	for i, seed := range all.broken {
		if i == *showFlag {
			t.Errorf("and %d more seeds", len(all.broken)-i)
			break
		}
		tell(t, seed)
	}
}

// enough stops early once several stories have failed.
func enough(all *tally) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return len(all.broken) >= *manyFlag
}

// tell replays one seed with its trace.
func tell(t *testing.T, seed uint64) {
	t.Helper()
	var trace []string
	s := newStory(seed)
	s.Trace = func(line string) { trace = append(trace, line) }
	s.play()
	if len(s.broken) == 0 {
		t.Logf("seed %d keeps the promises\n%s", seed, strings.Join(trace, "\n"))
		return
	}
	t.Errorf("seed %d breaks a promise (replay: go test ./internal/world -run Story -seed %d -v):\n%s\n\n%s", seed,
		seed,
		strings.Join(s.broken, "\n"), strings.Join(trace, "\n"))
}

func TestStory_replays_exactly(t *testing.T) {
	for seed := uint64(1); seed <= 50; seed++ {
		a, b := newStory(seed), newStory(seed)
		a.play()
		b.play()
		if a.sum() != b.sum() {
			t.Fatalf("seed %d told twice differs:\n%s\n%s", seed, a.sum(), b.sum())
		}
	}
}
