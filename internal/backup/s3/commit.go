package s3

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/minio/minio-go/v7"

	"fairlead/internal/backup"
)

// The user metadata that tells whose object it is, as it is sent and as it comes back.
const (
	markKey       = "fairlead-writer"
	canonicalMark = "Fairlead-Writer"
)

// How much the server copies in one request, and the most that it copies without parts (the protocol's limit).
const (
	copyRange = 512 << 20
	maxCopy   = 5 << 30
)

// Commit gives the object its name, on the condition that nothing has it. Where the answer is lost, the server is asked
// whose object has the name.
func (p *partial) Commit(ctx context.Context) error {
	if p.done {
		return fmt.Errorf("commit %s: it is ended", p.name)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	honoured, err := p.s.conditional(ctx)
	if err != nil {
		return err
	}
	if err := p.publish(ctx, honoured); err != nil {
		return fmt.Errorf("commit %s: %w", p.name, err)
	}
	p.done = true
	p.stop()
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyLimit)
	defer cancel()
	// the object stands; what is left hidden is swept later
	_ = p.tidy(tidy)
	return nil
}

func (p *partial) publish(ctx context.Context, honoured bool) error {
	if content, small := p.Small(); honoured && small && !p.complete {
		return p.settle(ctx, p.putSmall(ctx, content, p.s.key(p.name), p.named(true)))
	}
	if err := p.finish(ctx); err != nil {
		return err
	}
	if !honoured {
		if err := p.claim(ctx); err != nil {
			return err
		}
	}
	return p.settle(ctx, p.copy(ctx, honoured))
}

// named are the options of the object under its own name.
func (p *partial) named(honoured bool) minio.PutObjectOptions {
	o := minio.PutObjectOptions{ContentType: contentType, UserMetadata: map[string]string{markKey: p.mark}}
	if honoured {
		o.SetMatchETagExcept("*")
	}
	return o
}

// copy lets the server copy the hidden object to its name.
func (p *partial) copy(ctx context.Context, honoured bool) error {
	if p.size == 0 {
		return p.putSmall(ctx, nil, p.s.key(p.name), p.named(honoured))
	}
	final := p.s.key(p.name)
	id, err := p.s.core.NewMultipartUpload(ctx, p.s.bucket, final, p.named(false))
	if err != nil {
		return p.s.explain("begin the copy", err)
	}
	p.copied = id
	var parts []minio.CompletePart
	for at := int64(0); at < p.size; at += copyRange {
		part, err := p.s.core.CopyObjectPart(ctx, p.s.bucket, p.key, p.s.bucket, final, id, len(parts)+1, at,
			min(copyRange, p.size-at), nil)
		if unsupported(err) && p.size <= maxCopy && len(parts) == 0 {
			return p.copyWhole(ctx)
		}
		if err != nil {
			return p.s.explain("copy the object to its name", err)
		}
		parts = append(parts, part)
	}
	o := minio.PutObjectOptions{}
	if honoured {
		o.SetMatchETagExcept("*")
	}
	if _, err := p.s.core.CompleteMultipartUpload(ctx, p.s.bucket, final, id, parts, o); err != nil {
		return p.s.explain("complete the copy", err)
	}
	return nil
}

// unsupported tells that a server does not copy parts.
func unsupported(err error) bool {
	return slices.Contains([]string{"NotImplemented", "MissingContentLength", "MethodNotAllowed"}, code(err))
}

// copyWhole is for servers that cannot copy parts. They take no condition for it, so the name is claimed first.
func (p *partial) copyWhole(ctx context.Context) error {
	if err := p.s.abortUpload(ctx, p.s.key(p.name), p.copied); err != nil {
		return err
	}
	p.copied = ""
	if err := p.claim(ctx); err != nil {
		return err
	}
	_, err := p.s.core.CopyObject(ctx, p.s.bucket, p.key, p.s.bucket, p.s.key(p.name), map[string]string{
		"X-Amz-Metadata-Directive": "REPLACE", "X-Amz-Meta-" + markKey: p.mark, "Content-Type": contentType},
		minio.CopySrcOptions{Bucket: p.s.bucket, Object: p.key}, minio.PutObjectOptions{})
	return p.s.explain("copy the object to its name", err)
}

// settle finds out what an attempt to publish has come to: mine and whole is success, whatever the answer was.
func (p *partial) settle(ctx context.Context, attempt error) error {
	o, err := p.s.stat(context.WithoutCancel(ctx), p.s.key(p.name))
	switch {
	case errors.Is(err, backup.ErrMissing) && attempt == nil:
		return fmt.Errorf("the server says that it stored %s, and does not have it", p.name)
	case errors.Is(err, backup.ErrMissing):
		return attempt
	case err != nil:
		return errors.Join(attempt, err)
	case o.UserMetadata[canonicalMark] != p.mark:
		return fmt.Errorf("%w: %s", backup.ErrExists, p.name)
	case o.Size != p.size:
		return fmt.Errorf("the server has %d bytes of %s, %d were written", o.Size, p.name, p.size)
	}
	p.copied = ""
	return nil
}
