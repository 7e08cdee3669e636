package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"fairlead/internal/backup"
)

// maxParts is how many parts an upload has at most (the protocol's limit).
const maxParts = 10000

// inFlight is how many parts are on their way while one more is filled. Each costs its size in memory.
const inFlight = 1

// partial is an object being written, under a hidden key: in memory while it is smaller than a part, in an upload from then on, and
// sealed (an object of its own, which can be read) once it is read back or committed. It is used from one goroutine.
type partial struct {
	s    *Store
	ctx  context.Context // of Put: ends the uploads
	stop context.CancelFunc
	name string
	mark string // random; tells this writer's objects from others'
	key  string // hidden
	buf  []byte
	size int64

	upload string // id, "" before the first part
	parts  []minio.CompletePart
	free   chan []byte // buffers; as many uploads as there are buffers beside buf
	flying sync.WaitGroup
	mu     sync.Mutex // guards parts and err
	err    error      // of the first upload that failed

	sealed bool
	hidden bool   // there may be an object under the hidden key
	copied string // id of the upload of the copy, "" when there is none under way
	done   bool
}

func newPartial(ctx context.Context, s *Store, name string) *partial {
	mark := rand.Text()[:12]
	p := &partial{s: s, name: name, mark: mark, key: s.key(hiddenFolder + name + "." + mark), free: make(chan []byte, inFlight)}
	p.ctx, p.stop = context.WithCancel(ctx)
	for range inFlight {
		p.free <- nil
	}
	return p
}

// Write fills parts and sends each full one while the next is filled. An upload that failed fails the next Write.
func (p *partial) Write(b []byte) (int, error) {
	if p.done || p.sealed {
		return 0, backup.ErrReread
	}
	n := 0
	for len(b) > 0 {
		if int64(len(p.buf)) == p.s.partSize {
			if err := p.send(); err != nil {
				return n, err
			}
		}
		if p.buf == nil {
			p.buf = make([]byte, 0, 64<<10)
		}
		take := min(int64(len(b)), p.s.partSize-int64(len(p.buf)))
		p.buf = grow(p.buf, take, p.s.partSize)
		p.buf = append(p.buf, b[:take]...)
		b, n, p.size = b[take:], n+int(take), p.size+take
	}
	return n, nil
}

// grow makes room for n bytes, doubling up to a whole part, so that a small object stays small.
func grow(b []byte, n, most int64) []byte {
	want := int64(len(b)) + n
	if want <= int64(cap(b)) {
		return b
	}
	bigger := make([]byte, len(b), min(max(want, 2*int64(cap(b))), most))
	copy(bigger, b)
	return bigger
}

// send starts the upload of the part that is full and takes another buffer, waiting for one.
func (p *partial) send() error {
	if err := p.failed(); err != nil {
		return err
	}
	if p.upload == "" {
		id, err := p.s.core.NewMultipartUpload(p.ctx, p.s.bucket, p.key, minio.PutObjectOptions{ContentType: "application/octet-stream"})
		if err != nil {
			return p.s.explain("begin the upload of "+p.name, err)
		}
		p.upload = id
	}
	if len(p.parts) == maxParts {
		return fmt.Errorf("%s has more than %d parts of %d MB: set part_size_mb of the store higher", p.name, maxParts, p.s.partSize>>20)
	}
	p.mu.Lock()
	p.parts = append(p.parts, minio.CompletePart{PartNumber: len(p.parts) + 1})
	number := len(p.parts)
	p.mu.Unlock()
	full := p.buf
	var next []byte
	select {
	case next = <-p.free:
	case <-p.ctx.Done():
		return p.failed()
	}
	p.flying.Go(func() {
		p.fly(number, full)
		p.free <- full[:0]
	})
	if next == nil {
		next = make([]byte, 0, p.s.partSize)
	}
	p.buf = next
	return nil
}

func (p *partial) fly(number int, b []byte) {
	sum := sha256.Sum256(b)
	part, err := p.s.core.PutObjectPart(p.ctx, p.s.bucket, p.key, p.upload, number, bytes.NewReader(b), int64(len(b)),
		minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(sum[:]), DisableContentSha256: true})
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && p.err == nil {
		p.err = p.s.explain(fmt.Sprintf("upload part %d of %s", number, p.name), err)
		p.stop()
		return
	}
	p.parts[number-1].ETag = part.ETag
}

func (p *partial) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	return p.ctx.Err()
}

// seal makes an object of what was written, under the hidden key, and asks the server for its size.
func (p *partial) seal(ctx context.Context) error {
	if p.done {
		return fmt.Errorf("%s is ended", p.name)
	}
	if p.sealed {
		return nil
	}
	p.hidden = true
	if err := p.finish(ctx); err != nil {
		return err
	}
	p.sealed = true
	o, err := p.s.stat(ctx, p.key)
	if err != nil {
		return err
	}
	if o.Size != p.size {
		return fmt.Errorf("the server has %d bytes of %s, %d were written", o.Size, p.name, p.size)
	}
	return nil
}

func (p *partial) finish(ctx context.Context) error {
	if p.upload == "" {
		return p.putSmall(ctx, p.key, minio.PutObjectOptions{})
	}
	if len(p.buf) > 0 {
		if err := p.send(); err != nil {
			return err
		}
	}
	p.flying.Wait()
	if err := p.failed(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := p.s.core.CompleteMultipartUpload(ctx, p.s.bucket, p.key, p.upload, p.parts, minio.PutObjectOptions{})
	if err != nil && code(err) != "NoSuchUpload" { // a lost answer; the size is compared next
		return p.s.explain("complete the upload of "+p.name, err)
	}
	return nil
}

// putSmall writes what is in memory whole, as one request.
func (p *partial) putSmall(ctx context.Context, key string, o minio.PutObjectOptions) error {
	sum := sha256.Sum256(p.buf)
	o.ContentType, o.DisableContentSha256 = "application/octet-stream", true
	_, err := p.s.core.PutObject(ctx, p.s.bucket, key, bytes.NewReader(p.buf), p.size, "", hex.EncodeToString(sum[:]), o)
	return p.s.explain("store "+p.name, err)
}

// Reread reads back what the server has.
func (p *partial) Reread(ctx context.Context) (io.ReadCloser, error) {
	if err := p.seal(ctx); err != nil {
		return nil, err
	}
	return p.s.read(ctx, p.key)
}

// tidyLimit is how long an abort may take in all.
const tidyLimit = 30 * time.Second

// Abort ends the uploads and removes what there is under the hidden key; after Commit it does nothing. What it cannot reach is left to
// Sweep.
func (p *partial) Abort() error {
	if p.done {
		return nil
	}
	p.done = true
	p.stop()
	p.flying.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), tidyLimit)
	defer cancel()
	return p.tidy(ctx)
}

// tidy removes everything but the object itself.
func (p *partial) tidy(ctx context.Context) error {
	var errs []error
	if p.copied != "" {
		errs = append(errs, p.s.abortUpload(ctx, p.s.key(p.name), p.copied))
	}
	if p.upload != "" && !p.sealed {
		errs = append(errs, p.s.abortUpload(ctx, p.key, p.upload))
	}
	if p.hidden {
		errs = append(errs, p.s.explain("remove the partial object", p.s.core.RemoveObject(ctx, p.s.bucket, p.key, minio.RemoveObjectOptions{})))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("abort %s: %w", p.name, err)
	}
	return nil
}

func (s *Store) abortUpload(ctx context.Context, key, id string) error {
	err := s.core.AbortMultipartUpload(ctx, s.bucket, key, id)
	if code(err) == "NoSuchUpload" || code(err) == "NoSuchKey" {
		return nil
	}
	return s.explain("abort an upload", err)
}
