package chain

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"fairlead/internal/atomicfile"
)

// MaxBlob is the largest blob in bytes.
const MaxBlob = 64 << 20

// Put stores bytes under their SHA-256, 64 hex digits, which it gives back once they are durable. Storing twice is
// fine. It creates the directory where there is none, but no chain. ErrTooLong above MaxBlob.
func (d *Dir) Put(b []byte) (string, error) {
	if len(b) > MaxBlob {
		return "", fmt.Errorf("%w: a blob of %d bytes, the limit is %d", ErrTooLong, len(b), MaxBlob)
	}
	name := blobName(b)
	dir := filepath.Join(d.path, blobsName)
	if err := makeDir(dir); err != nil {
		return "", fmt.Errorf("store blob: %w", err)
	}
	if _, err := d.Blob(name); err == nil {
		if err := errors.Join(syncPath(filepath.Join(dir, name)), syncPath(dir)); err != nil {
			return "", fmt.Errorf("store blob %s: %w", name, err)
		}
		return name, nil
	}
	if err := atomicfile.Write(filepath.Join(dir, name), b, fileMode); err != nil {
		return "", fmt.Errorf("store blob %s: %w", name, err)
	}
	return name, nil
}

// Blob gives the bytes stored under a SHA-256 (64 hex digits). ErrMissing when there are none or the name cannot be
// one; ErrBroken when they are not the ones that were stored.
func (d *Dir) Blob(name string) ([]byte, error) {
	if raw, err := hex.DecodeString(name); err != nil || len(raw) != sha256.Size || name != hex.EncodeToString(raw) {
		return nil, fmt.Errorf("%w: %q is no name of a blob", ErrMissing, name)
	}
	dir := filepath.Join(d.path, blobsName)
	for _, path := range []string{d.path, dir} {
		if err := realDir(path); absent(err) {
			return nil, fmt.Errorf("%w: no blob %s", ErrMissing, name)
		} else if err != nil {
			return nil, err
		}
	}
	b, err := readFile(filepath.Join(dir, name), MaxBlob)
	if absent(err) {
		return nil, fmt.Errorf("%w: no blob %s", ErrMissing, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", name, err)
	}
	if blobName(b) != name {
		return nil, fmt.Errorf("%w: the blob %s was changed", ErrBroken, name)
	}
	return b, nil
}

func blobName(b []byte) string { return strings.TrimPrefix(string(Sum(b)), "sha256:") }
