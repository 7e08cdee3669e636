package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Load is a stream of requests at a fixed rate, whatever the answers do.
type Load struct {
	// URL is asked with GET; an answer other than 200 is a failure.
	URL string
	// Rate is in requests a second; zero means 200.
	Rate int
	// Timeout ends one request; zero means two seconds.
	Timeout time.Duration
	// Transport is nil for this process's own network.
	Transport http.RoundTripper
	// KeepAlive uses connections again. Without it, as by default, each request
	// is a client of its own.
	KeepAlive bool
}

// LoadResult is what a load saw.
type LoadResult struct {
	// Sent counts the requests, Failed those without a 200 in time.
	Sent   int `json:"sent"`
	Failed int `json:"failed"`
	// LongestGap is the longest time between the starts of two requests that
	// succeeded, one after the other, with at least one failure between them;
	// zero when none failed. A failure at either end counts up to that end.
	LongestGap time.Duration `json:"longest_gap"`
	// Lasted is the time from the first request to the last.
	Lasted time.Duration `json:"lasted"`
	// P99 is the 99th percentile of the time that an answer took.
	P99 time.Duration `json:"p99"`
	// FirstError is the text of one failure.
	FirstError string `json:"first_error,omitempty"`
}

// String says it in one line.
func (r LoadResult) String() string {
	return fmt.Sprintf("%d requests in %s, %d failed, longest gap %s, p99 %s", r.Sent,
		r.Lasted.Round(time.Millisecond), r.Failed, r.LongestGap.Round(time.Millisecond), r.P99.Round(time.Millisecond))
}

// Running is a load that has been started.
type Running struct {
	cancel context.CancelFunc
	result chan LoadResult
}

// Stop ends the load, waits for the last answers and tells what was seen.
func (r *Running) Stop() LoadResult {
	r.cancel()
	return <-r.result
}

// Start begins the load. It ends with Stop or ctx.
func (l Load) Start(ctx context.Context) *Running {
	ctx, cancel := context.WithCancel(ctx)
	r := &Running{cancel: cancel, result: make(chan LoadResult, 1)}
	go func() { r.result <- l.run(ctx) }()
	return r
}

type shot struct {
	began time.Time
	took  time.Duration
	err   error
}

func (l Load) run(ctx context.Context) LoadResult {
	if l.Rate == 0 {
		l.Rate = 200
	}
	if l.Timeout == 0 {
		l.Timeout = 2 * time.Second
	}
	if l.Transport == nil {
		l.Transport = &http.Transport{DisableKeepAlives: !l.KeepAlive, MaxIdleConnsPerHost: 64}
	}
	client := &http.Client{Transport: l.Transport, Timeout: l.Timeout}
	var mu sync.Mutex
	var shots []shot
	var wg sync.WaitGroup
	began := time.Now()
	pause := time.Second / time.Duration(l.Rate)
	for n := 0; ; n++ {
		// The schedule is absolute, so that a slow moment is caught up with.
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(began.Add(time.Duration(n) * pause))):
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			s := l.ask(client)
			mu.Lock()
			shots = append(shots, s)
			mu.Unlock()
		})
	}
	wg.Wait()
	return summarize(shots)
}

func (l Load) ask(client *http.Client) shot {
	s := shot{began: time.Now()}
	res, err := client.Get(l.URL)
	if err == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
		res.Body.Close()
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d", res.StatusCode)
		}
	}
	s.took, s.err = time.Since(s.began), err
	return s
}

func summarize(shots []shot) LoadResult {
	if len(shots) == 0 {
		return LoadResult{}
	}
	slices.SortFunc(shots, func(a, b shot) int { return a.began.Compare(b.began) })
	first, last := shots[0].began, shots[len(shots)-1].began
	r := LoadResult{Sent: len(shots), Lasted: last.Sub(first)}
	good, failing := first, false
	var times []time.Duration
	for _, s := range shots {
		if s.err != nil {
			r.Failed++
			failing = true
			if r.FirstError == "" {
				r.FirstError = s.err.Error()
			}
			continue
		}
		times = append(times, s.took)
		if failing {
			r.LongestGap = max(r.LongestGap, s.began.Sub(good))
		}
		good, failing = s.began, false
	}
	if failing {
		r.LongestGap = max(r.LongestGap, last.Sub(good))
	}
	if len(times) > 0 {
		slices.Sort(times)
		r.P99 = times[(len(times)-1)*99/100]
	}
	return r
}
