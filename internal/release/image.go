package release

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTag is given for an image reference that names a tag, or nothing, instead of a digest.
var ErrTag = errors.New("an image must be pinned to a digest")

// An Image is one service's repository pinned to a digest. A tag never gets this far.
type Image struct {
	Service string `json:"service"`
	Repo    string `json:"repo"`
	Digest  Digest `json:"digest"`
}

// ParseImage reads "repository@sha256:…" for a service. A tag, with or without a digest behind it, is ErrTag: what a
// tag says and what a digest says can differ.
func ParseImage(service, ref string) (Image, error) {
	repo, digest, ok := strings.Cut(ref, "@")
	if !ok {
		return Image{}, fmt.Errorf("%s: %w, got %.80q", service, ErrTag, ref)
	}
	if repo == "" || strings.ContainsAny(repo, " \t\r\n\"'$`\\") || strings.HasPrefix(repo, "-") {
		return Image{}, fmt.Errorf("%s: %.80q is not a repository name", service, repo)
	}
	if tagOf(repo) != "" {
		return Image{}, fmt.Errorf("%s: %w alone, got the tag %.80q too", service, ErrTag, tagOf(repo))
	}
	d, err := ParseDigest(digest)
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", service, err)
	}
	return Image{Service: service, Repo: repo, Digest: d}, nil
}

// A ConfirmedImage is what a registry was seen to hold of an image: the media type of its manifest or index, and the
// commit that its label names, "" where there is none.
type ConfirmedImage struct {
	Service  string `json:"service"`
	Ref      string `json:"ref"`
	Media    string `json:"media"`
	Revision string `json:"revision"`
}

// Ref gives "repository@sha256:…".
func (i Image) Ref() string { return i.Repo + "@" + i.Digest.String() }

// tagOf gives what stands behind a colon in the last path element; a colon before it belongs to a port.
func tagOf(repo string) string {
	last := repo[strings.LastIndex(repo, "/")+1:]
	_, tag, ok := strings.Cut(last, ":")
	if !ok || !strings.Contains(repo, "/") && allDigits(tag) {
		return ""
	}
	return tag
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
