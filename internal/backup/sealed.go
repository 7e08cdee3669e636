package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Stored is what a store holds of a backup where that is not what was written: encrypted (age, to public
// keys), compressed or both.
type Stored struct {
	SHA256      string   `json:"sha256"`
	Size        int64    `json:"size"`
	Encryption  string   `json:"encryption,omitempty"`
	Recipients  []string `json:"recipients,omitempty"`
	Compression string   `json:"compression,omitempty"`
}

// A SealedStore is a store that keeps something else than what is written to it. What Reread of its partial objects and
// Open give is what was written; Underlying gives the store of what is kept. Open gives ErrSealed where no key is at
// hand.
type SealedStore interface {
	Underlying() PrunableStore
}

// SealedPartial is a partial object of a SealedStore. Stored tells what the store holds of it, once it was read back or
// committed.
type SealedPartial interface {
	Stored() Stored
}

// StoredOf gives what a store holds of a partial object that was read back or committed; nil where that is what was
// written.
func StoredOf(p Partial) *Stored {
	if s, ok := p.(SealedPartial); ok {
		stored := s.Stored()
		return &stored
	}
	return nil
}

// AsStored gives the sha256 and the size of what the store holds under the name of the manifest.
func (m Manifest) AsStored() (sum string, size int64) {
	if m.Stored != nil {
		return m.Stored.SHA256, m.Stored.Size
	}
	return m.SHA256, m.Size
}

// Reread reads what the store holds of a backup, as it is kept, to the end and compares size and sha256 with the
// manifest. It needs no key: that what is encrypted can be read was proved before it got its name.
func Reread(ctx context.Context, s Store, m Manifest) error {
	if v, ok := s.(SealedStore); ok {
		s = v.Underlying()
	}
	r, err := s.Open(ctx, m.Name)
	if err != nil {
		return err
	}
	defer r.Close()
	want, size := m.AsStored()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, size+1))
	if err != nil {
		return fmt.Errorf("read %s back: %w", m.Name, err)
	}
	if n != size {
		has := fmt.Sprint(n)
		if n > size {
			has = fmt.Sprintf("more than %d", size)
		}
		return fmt.Errorf("%w: the store has %s bytes of %s, %d were written", ErrChanged, has, m.Name, size)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%w: the sha256 of %s is %.12s…, written was %.12s…", ErrChanged, m.Name, got, want)
	}
	return nil
}
