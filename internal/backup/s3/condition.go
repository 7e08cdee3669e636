package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"fairlead/internal/backup"
)

// conditional tells whether the server refuses to write over an object when it is asked to (If-None-Match: *), with one
// request and at the end of an upload in parts. It is tried once per store, under a hidden key that is removed again.
func (s *Store) conditional(ctx context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.honoured != nil {
		return *s.honoured, nil
	}
	key := s.key(hiddenFolder + "probe." + rand.Text()[:12])
	answer, err := s.tryConditions(ctx, key)
	if removed := s.core.RemoveObject(context.WithoutCancel(ctx), s.bucket, key,
		minio.RemoveObjectOptions{}); err == nil {
		err = s.explain("remove the probe", removed)
	}
	if err != nil {
		return false, err
	}
	s.honoured = &answer
	return answer, nil
}

func (s *Store) tryConditions(ctx context.Context, key string) (bool, error) {
	probe := []byte("fairlead asks whether this can be written over")
	only := minio.PutObjectOptions{DisableContentSha256: true}
	only.SetMatchETagExcept("*")
	put := func() error {
		_, err := s.core.PutObject(ctx, s.bucket, key, bytes.NewReader(probe), int64(len(probe)), "", "", only)
		return err
	}
	if err := put(); err != nil {
		if code(err) == "NotImplemented" {
			return false, nil
		}
		return false, s.explain("write into the bucket", err)
	}
	if err := put(); !taken(err) {
		return false, unlessRefused(s.explain("ask for a conditional write", err), err)
	}
	id, err := s.core.NewMultipartUpload(ctx, s.bucket, key, minio.PutObjectOptions{})
	if err != nil {
		return false, s.explain("begin an upload in parts", err)
	}
	part, err := s.core.PutObjectPart(ctx, s.bucket, key, id, 1, bytes.NewReader(probe), int64(len(probe)),
		minio.PutObjectPartOptions{DisableContentSha256: true})
	if err != nil {
		return false, errors.Join(s.explain("upload a part", err), s.abortUpload(context.WithoutCancel(ctx), key, id))
	}
	_, err = s.core.CompleteMultipartUpload(ctx, s.bucket, key, id,
		[]minio.CompletePart{{PartNumber: 1, ETag: part.ETag}}, only)
	if err == nil {
		return false, nil
	}
	if aborted := s.abortUpload(context.WithoutCancel(ctx), key, id); aborted != nil {
		return false, aborted
	}
	if taken(err) {
		return true, nil
	}
	return false, unlessRefused(s.explain("ask for a conditional upload", err), err)
}

// unlessRefused is nil where the server knows no conditions, and the error otherwise.
func unlessRefused(explained, err error) error {
	if err == nil || code(err) == "NotImplemented" || code(err) == "InvalidArgument" {
		return nil
	}
	return explained
}

// taken tells that the server refuses to write over an object.
func taken(err error) bool {
	var r minio.ErrorResponse
	return errors.As(err, &r) && (r.StatusCode == http.StatusPreconditionFailed || r.Code == "PreconditionFailed" ||
		r.Code == "ConditionalRequestConflict")
}

// claim makes sure, without the server's help, that nobody else gives this name to an object: the hidden object, which
// stands already, is the claim. Of two writers at least one sees the other's claim and gives way; both may.
func (p *partial) claim(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range p.s.core.ListObjectsIter(ctx, p.s.bucket,
		minio.ListObjectsOptions{Prefix: p.s.key(hiddenFolder + p.name + "."), Recursive: true}) {
		if o.Err != nil {
			return p.s.explain("look for other writers", o.Err)
		}
		if o.Key != p.key && len(o.Key) == len(p.key) {
			return fmt.Errorf("%w: somebody else is about to commit %s", backup.ErrExists, p.name)
		}
	}
	_, err := p.s.stat(ctx, p.s.key(p.name))
	switch {
	case err == nil:
		return fmt.Errorf("%w: %s", backup.ErrExists, p.name)
	case errors.Is(err, backup.ErrMissing):
		return nil
	}
	return err
}
