package world

import (
	"container/heap"
	"time"
)

// timer is something that will happen by itself.
type timer struct {
	at  time.Duration
	n   int64
	act func()
}

// timers is ordered by time, then by the order in which they were set.
type timers struct{ all timerHeap }

func (t *timers) push(x timer) { heap.Push(&t.all, x) }

func (t *timers) first() (time.Duration, bool) {
	if len(t.all) == 0 {
		return 0, false
	}
	return t.all[0].at, true
}

func (t *timers) pop() timer { return heap.Pop(&t.all).(timer) }

type timerHeap []timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].n < h[j].n
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)   { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
