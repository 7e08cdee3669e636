package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/engine"
)

// tally hashes and counts what passes, and tells about it once per mebibyte.
type tally struct {
	w    io.Writer
	hash hash.Hash
	n    int64
	told int64
	say  func(done int64)

	ahead  int64
	stored func(ahead int64) // called before the first byte that comes after Ahead; may be nil
}

// Ahead tells how many bytes of a dump stand somewhere else before any of it comes, as it does in the directory format.
func (t *tally) Ahead(n int64) {
	t.ahead = n
	t.say(n)
}

// Write passes on, hashes and counts.
func (t *tally) Write(p []byte) (int, error) {
	if t.ahead > 0 && t.stored != nil {
		t.stored(t.ahead)
	}
	t.ahead = 0
	n, err := t.w.Write(p)
	t.hash.Write(p[:n])
	t.n += int64(n)
	if t.n-t.told >= 1<<20 {
		t.told = t.n
		t.say(t.n)
	}
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if errors.Is(err, io.ErrShortWrite) {
		err = fmt.Errorf("the store took %d of %d bytes: %w", n, len(p), err)
	}
	return n, err
}

// pace says how far a long stream is, how fast it is, and when it may end; at most twice a second.
type pace struct {
	say   func(engine.Progress)
	now   func() time.Time
	text  string
	total int64
	began time.Time
	last  time.Time
}

const between = 500 * time.Millisecond

func newPace(say func(engine.Progress), now func() time.Time) *pace { return &pace{say: say, now: now} }

// begin starts another stream of about total bytes; 0 when that is not known.
func (p *pace) begin(text string, total int64) {
	p.text, p.total, p.began = text, total, p.now()
	p.last = p.began
	p.say(engine.Progress{Text: text})
}

// bytes tells how far the stream is.
func (p *pace) bytes(done int64) {
	now := p.now()
	if now.Sub(p.last) < between {
		return
	}
	p.last = now
	text := p.text
	if rate := float64(done) / now.Sub(p.began).Seconds(); rate > 0 {
		text += fmt.Sprintf(", %.1f MB/s", rate/1e6)
		if p.total > done {
			text += fmt.Sprintf(", about %s left", (time.Duration(float64(p.total-done)/rate*float64(time.Second)) +
				time.Second).Truncate(time.Second))
		}
	}
	said := engine.Progress{Text: text, Done: done}
	if p.total > done {
		said.Total = p.total
	}
	p.say(said)
}

// Paced gives a writer that keeps nothing and says how far a stream of about total bytes is.
func Paced(say func(engine.Progress), now func() time.Time, text string, total int64) io.Writer {
	p := newPace(say, now)
	p.begin(text, total)
	return &paced{pace: p}
}

type paced struct {
	pace *pace
	n    int64
}

// Write counts.
func (p *paced) Write(b []byte) (int, error) {
	p.n += int64(len(b))
	p.pace.bytes(p.n)
	return len(b), nil
}

// maxManifest is the largest manifest that is read, in bytes: one of 200,000 tables has about a third of it.
const maxManifest = 64 << 20

// estimate guesses how large the dump will be, by the last one of the same database; 0 when there is none.
func (s Backup) estimate(ctx context.Context, o BackupRequest) int64 {
	all, err := s.Store.List(ctx)
	if err != nil {
		return 0
	}
	prefix, _, _ := strings.Cut(o.name(s.Now()), o.Run)
	for _, one := range all {
		if !strings.HasPrefix(one.Name, prefix) || !strings.HasSuffix(one.Name, ".dump.json") {
			continue
		}
		m, err := ReadManifest(ctx, s.Store, strings.TrimSuffix(one.Name, ".json"))
		if err != nil || m.DatabaseSize <= 0 {
			return 0
		}
		if o.DatabaseSize <= 0 {
			return m.Size
		}
		return int64(float64(m.Size) * float64(o.DatabaseSize) / float64(m.DatabaseSize))
	}
	return 0
}

// ReadManifest reads what stands beside a backup; backup.ErrMissing where there is none, and then it is no backup.
func ReadManifest(ctx context.Context, from backup.Store, name string) (backup.Manifest, error) {
	var m backup.Manifest
	r, err := from.Open(ctx, name+".json")
	if err != nil {
		return m, fmt.Errorf("read the manifest of %s: %w", name, err)
	}
	defer r.Close()
	if err := json.NewDecoder(io.LimitReader(r, maxManifest)).Decode(&m); err != nil {
		return m, fmt.Errorf("read the manifest of %s: %w", name, err)
	}
	if m.Schema != "fairlead.backup/1" || m.Name != name || len(m.SHA256) != 64 {
		return m, fmt.Errorf("read the manifest of %s: it is not one (schema %.40q, name %.80q)", name, m.Schema,
			m.Name)
	}
	return m, nil
}
