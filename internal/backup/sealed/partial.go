package sealed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"fairlead/internal/backup"
)

// partial is an object being written: zstd, then age, then a hash of what is kept, then the store beneath.
type partial struct {
	s     *Store
	name  string
	under backup.Partial
	// of what is written
	out io.Writer
	// in order
	close []io.Closer
	// nil when nothing is encrypted
	key *witness
	// of what the store holds
	kept  counted
	ended bool
	err   error
}

var _ backup.SealedPartial = (*partial)(nil)

func (s *Store) seal(name string, under backup.Partial) (backup.Partial, error) {
	p := &partial{s: s, name: name, under: under, kept: counted{w: under, sum: sha256.New()}}
	p.out = &p.kept
	if len(s.recipients) > 0 {
		p.key = &witness{Recipient: s.recipients[0]}
		w, err := age.Encrypt(p.out, append([]age.Recipient{p.key}, s.recipients[1:]...)...)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("begin to encrypt %s: %w", name, err), under.Abort())
		}
		p.out, p.close = w, append(p.close, w)
	}
	if s.compress {
		w, err := zstd.NewWriter(p.out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("begin to compress %s: %w", name, err), under.Abort())
		}
		p.out, p.close = w, append([]io.Closer{w}, p.close...)
	}
	return p, nil
}

// witness is the first recipient. It keeps the key of this one object, so that the process that wrote the object can
// read it back; the key is in no file and is gone with the process.
type witness struct {
	age.Recipient
	fileKey []byte
}

func (w *witness) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	w.fileKey = append([]byte(nil), fileKey...)
	if r, ok := w.Recipient.(age.RecipientWithLabels); ok {
		return r.WrapWithLabels(fileKey)
	}
	stanzas, err := w.Recipient.Wrap(fileKey)
	return stanzas, nil, err
}

// counted hashes and counts what passes.
type counted struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.sum.Write(b[:n])
	c.n += int64(n)
	return n, err
}

func (p *partial) Write(b []byte) (int, error) {
	if p.ended {
		return 0, backup.ErrReread
	}
	return p.out.Write(b)
}

// finish writes what the layers hold back. It is done once.
func (p *partial) finish() error {
	if p.ended {
		return p.err
	}
	p.ended = true
	for _, c := range p.close {
		if err := c.Close(); err != nil {
			p.err = fmt.Errorf("seal %s: %w", p.name, err)
			return p.err
		}
	}
	return nil
}

// Reread reads what the store holds, compares its hash with what was sent there, and gives it as it was written.
func (p *partial) Reread(ctx context.Context) (io.ReadCloser, error) {
	if err := p.finish(); err != nil {
		return nil, err
	}
	under, err := p.under.Reread(ctx)
	if err != nil {
		return nil, err
	}
	checked := &checked{name: p.name, under: under, sum: sha256.New(), want: p.Stored()}
	r, err := unseal(checked, func() ([]age.Identity, error) {
		return []age.Identity{age.NewInjectedFileKeyIdentity(p.key.fileKey)}, nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read %s back: %w", p.name, err), under.Close())
	}
	return r, nil
}

func (p *partial) Stored() backup.Stored {
	s := backup.Stored{SHA256: hex.EncodeToString(p.kept.sum.Sum(nil)), Size: p.kept.n, Recipients: p.s.names}
	if p.key != nil {
		s.Encryption = "age"
	}
	if p.s.compress {
		s.Compression = "zstd"
	}
	return s
}

func (p *partial) Commit(ctx context.Context) error {
	if err := p.finish(); err != nil {
		return err
	}
	return p.under.Commit(ctx)
}

// Abort removes the object and forgets its key.
func (p *partial) Abort() error {
	p.ended = true
	if p.err == nil {
		p.err = fmt.Errorf("%s was aborted", p.name)
	}
	if p.key != nil {
		clear(p.key.fileKey)
	}
	return p.under.Abort()
}

// checked reads what the store holds and holds it to what was sent there, at its end.
type checked struct {
	name  string
	under io.ReadCloser
	sum   hash.Hash
	n     int64
	want  backup.Stored
}

func (c *checked) Read(b []byte) (int, error) {
	n, err := c.under.Read(b)
	c.sum.Write(b[:n])
	c.n += int64(n)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if got := hex.EncodeToString(c.sum.Sum(nil)); got != c.want.SHA256 || c.n != c.want.Size {
		return n, fmt.Errorf("%w: the store has %d bytes of %s with the sha256 %.12s…, sent were %d with %.12s…",
			backup.ErrChanged, c.n, c.name, got, c.want.Size, c.want.SHA256)
	}
	return n, io.EOF
}

func (c *checked) Close() error { return c.under.Close() }
