// Package outbox delivers notes at least once: each is on disk before it is sent, and stays there until it was
// accepted. Nothing that goes wrong here is an error of a deployment; it is a Delivery that says so. Start with
// Outbox.Send.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fairlead/internal/notify"
)

// The patience of one sending.
const (
	tries = 4
	// a receiver that asks for more is served by a later resend
	longest = 20 * time.Second
	// sent notes that are kept
	keepSent = 100
)

// A Delivery says what became of one note to one receiver.
type Delivery struct {
	To    string `json:"to"`
	Run   string `json:"run"`
	Sent  bool   `json:"sent"`
	Tries int    `json:"tries"`
	// Why: why it was not sent, or could not be kept
	Why string `json:"why,omitempty"`
}

// String is one line for people.
func (d Delivery) String() string {
	if d.Sent && d.Why == "" {
		return d.To + ": told"
	}
	if d.Sent {
		return d.To + ": told; " + d.Why
	}
	return d.To + ": not told, " + d.Why
}

// Outbox is a folder of notes.
type Outbox struct {
	dir   string
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
}

// New gives the outbox in a folder, which is made (0700) when the first note is kept. sleep waits, or returns the
// context's error.
func New(dir string, now func() time.Time, sleep func(context.Context, time.Duration) error) *Outbox {
	return &Outbox{dir: dir, now: now, sleep: sleep}
}

// Send keeps the message for each receiver, sends it to all at the same time, trying again where that makes sense, and
// marks what was accepted. It ends when all have answered or ctx ends.
func (o *Outbox) Send(ctx context.Context, m notify.Message, to []notify.Notifier) []Delivery {
	all := make([]Delivery, len(to))
	var wg sync.WaitGroup
	for i, name := range names(to) {
		n := Note{Schema: schema, To: name, Message: m, Kept: o.now().UTC()}
		wg.Go(func() { all[i] = o.one(ctx, n, to[i]) })
	}
	wg.Wait()
	if err := o.prune(); err != nil && len(all) > 0 {
		all[0].Why = strings.TrimPrefix(all[0].Why+"; "+err.Error(), "; ")
	}
	return all
}

// Resend sends every note that waits, oldest first for each receiver. A note to a receiver that is not configured any
// more stays. The error names notes that could not be read; the others are sent all the same.
func (o *Outbox) Resend(ctx context.Context, to []notify.Notifier) ([]Delivery, error) {
	notes, err := o.Waiting()
	var all []Delivery
	for _, n := range notes {
		i := slices.Index(names(to), n.To)
		if i < 0 {
			all = append(all, Delivery{To: n.To, Run: n.Message.Run, Why: "no such receiver is configured"})
			continue
		}
		all = append(all, o.one(ctx, n, to[i]))
	}
	return all, err
}

// one keeps, sends and marks a single note.
func (o *Outbox) one(ctx context.Context, n Note, to notify.Notifier) Delivery {
	d := Delivery{To: n.To, Run: n.Message.Run}
	kept := o.keep(n)
	var err error
	for d.Tries = 1; ; d.Tries++ {
		if err = to.Notify(ctx, n.Message); err == nil {
			break
		}
		wait, again := patience(err, d.Tries, n)
		if !again || o.sleep(ctx, wait) != nil {
			break
		}
	}
	switch {
	case err != nil && kept != nil:
		d.Why = fmt.Sprintf("%v; it could not be kept either: %v", err, kept)
	case err != nil:
		d.Why = err.Error() + "; it waits in the outbox (fairlead notes resend)"
	case kept != nil:
		d.Sent, d.Why = true, fmt.Sprintf("it could not be kept: %v", kept)
	default:
		d.Sent = true
		if err := o.mark(n); err != nil {
			d.Why = fmt.Sprintf("it could not be marked as sent: %v", err)
		}
	}
	return d
}

// again is an error that knows whether another try may help.
type again interface{ Again() (time.Duration, bool) }

// patience tells how long to wait before the next try: what the receiver asked for, or half a second, doubled each
// time, with a little that differs from note to note.
func patience(err error, tried int, n Note) (time.Duration, bool) {
	var a again
	if tried >= tries || !errors.As(err, &a) {
		return 0, false
	}
	asked, retry := a.Again()
	if !retry || asked > longest {
		return 0, false
	}
	own := 500 * time.Millisecond << (tried - 1)
	own += time.Duration(n.hash()[0]) * time.Millisecond
	return max(asked, own), true
}

// names gives each receiver its own name, also when two are called the same.
func names(to []notify.Notifier) []string {
	var all []string
	count := map[string]int{}
	for _, n := range to {
		name := n.Name()
		count[name]++
		if count[name] > 1 {
			name = fmt.Sprintf("%s #%d", name, count[name])
		}
		all = append(all, name)
	}
	return all
}

// prune forgets the oldest of the sent notes.
func (o *Outbox) prune() error {
	all, err := filepath.Glob(filepath.Join(o.dir, "*"+sentExt))
	if err != nil || len(all) <= keepSent {
		return err
	}
	// names begin with the time
	slices.Sort(all)
	for _, f := range all[:len(all)-keepSent] {
		if err := os.Remove(f); err != nil {
			return fmt.Errorf("forget a sent note: %w", err)
		}
	}
	return nil
}
