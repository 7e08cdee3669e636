package sealed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"fairlead/internal/backup"
)

// The first bytes of what is kept.
var (
	ageMagic  = []byte("age-encryption.org/v1\n")
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// maxWindow is the most memory that a compressed object may ask for.
const maxWindow = 32 << 20

// unseal gives what was written, of what is kept. keys is called when it is encrypted.
func unseal(kept io.ReadCloser, keys func() ([]age.Identity, error)) (io.ReadCloser, error) {
	under := bufio.NewReaderSize(kept, 64<<10)
	u := &unsealed{kept: kept, under: under, r: under}
	head, err := under.Peek(len(ageMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.Equal(head, ageMagic) {
		ids, err := keys()
		if err != nil {
			return nil, err
		}
		plain, err := age.Decrypt(under, ids...)
		var none *age.NoIdentityMatchError
		if errors.As(err, &none) {
			return nil, fmt.Errorf("%w: it was encrypted to other keys than those in the key file", backup.ErrSealed)
		}
		if err != nil {
			return nil, fmt.Errorf("decrypt: %w", err)
		}
		buffered := bufio.NewReaderSize(plain, 64<<10)
		u.r = buffered
		if head, err = buffered.Peek(len(zstdMagic)); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("decrypt: %w", err)
		}
	}
	if !bytes.HasPrefix(head, zstdMagic) {
		return u, nil
	}
	u.zstd, err = zstd.NewReader(u.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	u.inner, u.r = u.r, u.zstd
	return u, nil
}

// unsealed is an object as it was written.
type unsealed struct {
	kept io.ReadCloser
	// of kept
	under *bufio.Reader
	// of what was written
	r io.Reader
	// of what the decompressor reads, nil without one
	inner io.Reader
	zstd  *zstd.Decoder
}

// Read reads on. The end comes only when all that is kept was read, so that nothing can follow it unseen.
func (u *unsealed) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	for _, rest := range []io.Reader{u.inner, u.under} {
		if rest == nil {
			continue
		}
		left, err := io.Copy(io.Discard, rest)
		if err != nil {
			return n, err
		}
		if left > 0 {
			return n, fmt.Errorf("%w: %d bytes follow the end of what was stored", backup.ErrChanged, left)
		}
	}
	return n, io.EOF
}

func (u *unsealed) Close() error {
	if u.zstd != nil {
		u.zstd.Close()
	}
	return u.kept.Close()
}
