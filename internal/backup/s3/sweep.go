package s3

import (
	"context"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"fairlead/internal/backup"
)

// Sweep removes hidden objects and aborts uploads that were last written to before a time.
func (s *Store) Sweep(ctx context.Context, before time.Time, dry bool) ([]backup.Object, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var swept []backup.Object
	for o := range s.core.ListObjectsIter(ctx, s.bucket,
		minio.ListObjectsOptions{Prefix: s.key(hiddenFolder), Recursive: true}) {
		if o.Err != nil {
			return swept, s.explain("look for what is left over", o.Err)
		}
		if !o.LastModified.Before(before) {
			continue
		}
		if !dry {
			if err := s.core.RemoveObject(ctx, s.bucket, o.Key, minio.RemoveObjectOptions{}); err != nil {
				return swept, s.explain("remove what is left over", err)
			}
		}
		swept = append(swept, backup.Object{Name: strings.TrimPrefix(o.Key, s.prefix), Size: o.Size,
			At: o.LastModified.UTC()})
	}
	return s.sweepUploads(ctx, swept, before, dry)
}

// maxPages limits the answers that are read of one listing.
const maxPages = 1000

func (s *Store) sweepUploads(ctx context.Context, swept []backup.Object, before time.Time,
	dry bool) ([]backup.Object, error) {
	keyMarker, idMarker := "", ""
	for range maxPages {
		page, err := s.core.ListMultipartUploads(ctx, s.bucket, s.prefix, keyMarker, idMarker, "", 1000)
		if err != nil {
			return swept, s.explain("look for uploads that were left over", err)
		}
		for _, u := range page.Uploads {
			o, old, err := s.leftOver(ctx, u, before)
			if err != nil {
				return swept, err
			}
			if !old {
				continue
			}
			if !dry {
				if err := s.abortUpload(ctx, u.Key, u.UploadID); err != nil {
					return swept, err
				}
			}
			swept = append(swept, o)
		}
		if !page.IsTruncated {
			break
		}
		keyMarker, idMarker = page.NextKeyMarker, page.NextUploadIDMarker
	}
	return swept, nil
}

// leftOver tells whether an upload is ours and nothing was added to it since a time.
func (s *Store) leftOver(ctx context.Context, u minio.ObjectMultipartInfo,
	before time.Time) (backup.Object, bool, error) {
	name := strings.TrimPrefix(u.Key, s.prefix)
	o := backup.Object{Name: name, At: u.Initiated.UTC()}
	if !strings.HasPrefix(name, hiddenFolder) && backup.CheckName(name) != nil || !u.Initiated.Before(before) {
		return o, false, nil
	}
	marker := 0
	for range maxParts/1000 + 1 {
		parts, err := s.core.ListObjectParts(ctx, s.bucket, u.Key, u.UploadID, marker, 1000)
		if code(err) == "NoSuchUpload" {
			return o, false, nil
		}
		if err != nil {
			return o, false, s.explain("look at an upload", err)
		}
		for _, p := range parts.ObjectParts {
			o.Size += p.Size
			if p.LastModified.After(o.At) {
				o.At = p.LastModified.UTC()
			}
		}
		if !parts.IsTruncated {
			break
		}
		marker = parts.NextPartNumberMarker
	}
	return o, o.At.Before(before), nil
}
