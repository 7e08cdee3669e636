package outbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/notify"
)

// trouble is an error of a receiver.
type trouble struct {
	after time.Duration
	retry bool
}

func (trouble) Error() string                  { return "it answered 503" }
func (t trouble) Again() (time.Duration, bool) { return t.after, t.retry }

// receiver fails with its answers in turn and then accepts.
type receiver struct {
	name    string
	answers []error
	got     []notify.Message
	look    func()
}

func (r *receiver) Name() string { return r.name }

func (r *receiver) Notify(_ context.Context, m notify.Message) error {
	if r.look != nil {
		r.look()
	}
	if len(r.answers) > 0 {
		err := r.answers[0]
		r.answers = r.answers[1:]
		return err
	}
	r.got = append(r.got, m)
	return nil
}

type bench struct {
	*Outbox
	dir   string
	slept []time.Duration
}

func open(t *testing.T) *bench {
	b := &bench{dir: filepath.Join(t.TempDir(), "outbox")}
	b.Outbox = New(b.dir, time.Now, func(ctx context.Context, d time.Duration) error {
		b.slept = append(b.slept, d)
		return ctx.Err()
	})
	return b
}

func message(run string) notify.Message {
	return notify.Message{Run: run, App: "shop", Outcome: "deployed",
		At: time.Date(2026, 11, 24, 20, 30, 15, 0, time.FixedZone("", 3600))}
}

func TestSend_has_the_note_on_disk_before_it_is_sent_and_marks_it_after(t *testing.T) {
	b := open(t)
	onDisk := 0
	r := &receiver{name: "slack ops", look: func() { w, _ := b.Waiting(); onDisk = len(w) }}
	got := b.Send(context.Background(), message("r-1"), []notify.Notifier{r})
	if onDisk != 1 {
		t.Errorf("%d notes were on disk while sending, want 1", onDisk)
	}
	if w, _ := b.Waiting(); len(w) != 0 || !got[0].Sent || got[0].String() != "slack ops: told" {
		t.Errorf("after: %v, %v", w, got)
	}
}

func TestSend_tries_again_as_the_receiver_asks_and_keeps_what_was_not_accepted(t *testing.T) {
	for what, c := range map[string]struct {
		answers []error
		sent    bool
		tries   int
		least   time.Duration
	}{
		"one failure":         {[]error{trouble{retry: true}}, true, 2, 500 * time.Millisecond},
		"a request to wait":   {[]error{trouble{after: 7 * time.Second, retry: true}}, true, 2, 7 * time.Second},
		"a very long wait":    {[]error{trouble{after: time.Hour, retry: true}}, false, 1, 0},
		"a permanent refusal": {[]error{trouble{}}, false, 1, 0},
		"an error of no kind": {[]error{errors.New("no")}, false, 1, 0},
		"failures without end": {[]error{trouble{retry: true}, trouble{retry: true}, trouble{retry: true},
			trouble{retry: true}, trouble{retry: true}}, false, 4, 0},
	} {
		t.Run(what, func(t *testing.T) {
			b := open(t)
			d := b.Send(context.Background(), message("r-1"),
				[]notify.Notifier{&receiver{name: "x", answers: c.answers}})[0]
			if d.Sent != c.sent || d.Tries != c.tries {
				t.Errorf("got %+v, want sent %v after %d", d, c.sent, c.tries)
			}
			if c.least > 0 && b.slept[0] < c.least {
				t.Errorf("waited %s, want at least %s", b.slept[0], c.least)
			}
			if w, err := b.Waiting(); err != nil || (len(w) == 0) != c.sent {
				t.Errorf("waiting: %v, %v", w, err)
			}
		})
	}
}

func TestResend_delivers_what_waits_to_whom_it_was_meant(t *testing.T) {
	b := open(t)
	first, second := &receiver{name: "slack", answers: []error{errors.New("no")}}, &receiver{name: "slack"}
	gone := &receiver{name: "gone", answers: []error{errors.New("no")}}
	b.Send(context.Background(), message("r-1"), []notify.Notifier{first, second, gone})
	if err := os.WriteFile(filepath.Join(b.dir, "0-torn.note.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := b.Resend(context.Background(), []notify.Notifier{first, second})
	if err == nil || !strings.Contains(err.Error(), "0-torn") {
		t.Errorf("the torn note is not named: %v", err)
	}
	if len(first.got) != 1 || len(second.got) != 1 || len(got) != 2 {
		t.Errorf("delivered %d and %d, %v", len(first.got), len(second.got), got)
	}
	if w, _ := b.Waiting(); len(w) != 1 || w[0].To != "gone" {
		t.Errorf("waiting: %v", w)
	}
}

func TestSend_tells_when_the_disk_refuses_and_sends_all_the_same(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := New(filepath.Join(file, "outbox"), time.Now, func(context.Context, time.Duration) error { return nil })
	r := &receiver{name: "x"}
	d := o.Send(context.Background(), message("r-1"), []notify.Notifier{r})[0]
	if !d.Sent || !strings.Contains(d.Why, "could not be kept") || len(r.got) != 1 {
		t.Errorf("got %+v", d)
	}
}

func TestNotes_are_for_their_owner_only_and_old_ones_are_forgotten(t *testing.T) {
	b := open(t)
	for i := range keepSent + 5 {
		m := message("r-1")
		m.At = m.At.Add(time.Duration(i) * time.Second)
		b.Send(context.Background(), m, []notify.Notifier{&receiver{name: "x"}})
	}
	all, _ := filepath.Glob(filepath.Join(b.dir, "*"))
	if len(all) != keepSent {
		t.Errorf("%d notes are kept, want %d", len(all), keepSent)
	}
	for _, f := range all {
		if st, _ := os.Stat(f); st.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", f, st.Mode())
		}
	}
}
