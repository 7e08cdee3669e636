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
	"time"

	"github.com/minio/minio-go/v7"

	"fairlead/internal/backup"
)

// contentType is that of every object.
const contentType = "application/octet-stream"

// maxParts is how many parts an upload has at most (the protocol's limit).
const maxParts = 10000

// partial is an object being written, under a hidden key: in memory while it is smaller than a part, in an upload from
// then on, and complete (an object of its own, which can be read) once it is read back or committed. It is used from
// one goroutine.
type partial struct {
	*backup.Pieces
	s *Store
	// of Put: ends the uploads
	ctx  context.Context
	stop context.CancelFunc
	name string
	// random; tells this writer's objects from others'
	mark string
	// hidden
	key  string
	size int64

	// id, "" before the first part
	upload string
	parts  []minio.CompletePart

	complete bool
	// there may be an object under the hidden key
	hidden bool
	// id of the upload of the copy, "" when there is none under way
	copied string
	done   bool
}

func newPartial(ctx context.Context, s *Store, name string) *partial {
	mark := rand.Text()[:12]
	p := &partial{s: s, name: name, mark: mark, key: s.key(hiddenFolder + name + "." + mark)}
	p.ctx, p.stop = context.WithCancel(ctx)
	p.Pieces = backup.NewPieces(p.ctx, int(s.partSize), p.send)
	return p
}

// Write sends parts. An upload that failed fails the next Write that would begin another.
func (p *partial) Write(b []byte) (int, error) {
	if p.done || p.complete {
		return 0, backup.ErrReread
	}
	n, err := p.Pieces.Write(b)
	p.size += int64(n)
	return n, err
}

// send uploads one part.
func (p *partial) send(ctx context.Context, number int, b []byte) error {
	if number == 0 {
		id, err := p.s.core.NewMultipartUpload(ctx, p.s.bucket, p.key, minio.PutObjectOptions{ContentType: contentType})
		if err != nil {
			return p.s.explain("begin the upload of "+p.name, err)
		}
		p.upload = id
	}
	if number == maxParts {
		return fmt.Errorf("%s has more than %d parts of %d MB: set part_size_mb of the store higher", p.name, maxParts,
			p.s.partSize>>20)
	}
	sum := sha256.Sum256(b)
	part, err := p.s.core.PutObjectPart(ctx, p.s.bucket, p.key, p.upload, number+1, bytes.NewReader(b), int64(len(b)),
		minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(sum[:]), DisableContentSha256: true})
	if err != nil {
		return p.s.explain(fmt.Sprintf("upload part %d of %s", number+1, p.name), err)
	}
	p.parts = append(p.parts, minio.CompletePart{PartNumber: number + 1, ETag: part.ETag})
	return nil
}

// finish makes an object of what was written, under the hidden key, and asks the server for its size.
func (p *partial) finish(ctx context.Context) error {
	if p.done {
		return fmt.Errorf("%s is ended", p.name)
	}
	if p.complete {
		return nil
	}
	p.hidden = true
	if err := p.publishHidden(ctx); err != nil {
		return err
	}
	p.complete = true
	o, err := p.s.stat(ctx, p.key)
	if err == nil && o.Size != p.size {
		err = fmt.Errorf("the server has %d bytes of %s, %d were written", o.Size, p.name, p.size)
	}
	return err
}

func (p *partial) publishHidden(ctx context.Context) error {
	if content, small := p.Small(); small {
		return p.putSmall(ctx, content, p.key, minio.PutObjectOptions{})
	}
	if err := p.Flush(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := p.s.core.CompleteMultipartUpload(ctx, p.s.bucket, p.key, p.upload, p.parts, minio.PutObjectOptions{})
	// a lost answer; the size is compared next
	if err != nil && code(err) != "NoSuchUpload" {
		return p.s.explain("complete the upload of "+p.name, err)
	}
	return nil
}

// putSmall writes what is in memory whole, as one request.
func (p *partial) putSmall(ctx context.Context, content []byte, key string, o minio.PutObjectOptions) error {
	sum := sha256.Sum256(content)
	o.ContentType, o.DisableContentSha256 = contentType, true
	_, err := p.s.core.PutObject(ctx, p.s.bucket, key, bytes.NewReader(content), p.size, "",
		hex.EncodeToString(sum[:]), o)
	return p.s.explain("store "+p.name, err)
}

// Reread reads back what the server has.
func (p *partial) Reread(ctx context.Context) (io.ReadCloser, error) {
	if err := p.finish(ctx); err != nil {
		return nil, err
	}
	return p.s.read(ctx, p.key)
}

// tidyLimit is how long an abort may take in all.
const tidyLimit = 30 * time.Second

// Abort ends the uploads and removes what there is under the hidden key; after Commit it does nothing. What it cannot
// reach is left to Sweep.
func (p *partial) Abort() error {
	if p.done {
		return nil
	}
	p.done = true
	p.stop()
	_ = p.Wait()
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
	if p.upload != "" && !p.complete {
		errs = append(errs, p.s.abortUpload(ctx, p.key, p.upload))
	}
	if p.hidden {
		errs = append(errs,
			p.s.explain("remove the partial object",
				p.s.core.RemoveObject(ctx, p.s.bucket, p.key, minio.RemoveObjectOptions{})))
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
