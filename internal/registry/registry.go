// Package registry proves that the images of a release exist now, whole, under exactly their digests: manifests are fetched and
// hashed, every blob is asked for, labels are compared with the commit. It pulls nothing, resolves no tag and writes nothing. Start
// with New and Check.
package registry

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"fairlead/internal/release"
)

// The limits of a check. A manifest or configuration has some kilobytes.
const (
	maxBody      = 8 << 20 // bytes of one answer
	maxPlatforms = 64      // of one image
	maxLayers    = 512     // of one platform
	atOnce       = 4       // requests for blobs of one image
)

// Options says how registries are reached.
type Options struct {
	PlainHTTP []string          // hosts (host:port) that are spoken to without TLS; everybody else never is
	Keychain  authn.Keychain    // nil means the docker configuration of the user
	Transport http.RoundTripper // nil means the default, with the proxy of the environment
	Timeout   time.Duration     // for one image; 0 means a minute
}

// Registry asks registries about images.
type Registry struct{ options Options }

// New gives a Registry; it does not connect.
func New(o Options) *Registry {
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	return &Registry{options: o}
}

// An Image is what a registry holds under one digest, as fetched and hashed.
type Image struct {
	Service     string         `json:"service"`
	Ref         string         `json:"ref"`
	Digest      release.Digest `json:"digest"`
	MediaType   string         `json:"media_type"`
	Platforms   []Platform     `json:"platforms"` // what can run; attestations are left out
	Credentials string         `json:"credentials"`
}

// A Platform is one runnable image below a digest. ID is the digest of its configuration, which the classic image store of an
// engine uses as the image's id; Manifest is what a containerd store uses. Revision and Version are the OCI labels, "" when absent.
type Platform struct {
	Name     string         `json:"name"` // linux/amd64, linux/arm64/v8
	Manifest release.Digest `json:"manifest"`
	ID       release.Digest `json:"id"`
	Layers   int            `json:"layers"`
	Size     int64          `json:"size"` // compressed bytes of the layers
	Revision string         `json:"revision,omitempty"`
	Version  string         `json:"version,omitempty"`
}

// IDs lists every id under which an engine may know the image: its digest, and manifest and configuration digests of its platforms.
func (i Image) IDs() []release.Digest {
	ids := []release.Digest{i.Digest}
	for _, p := range i.Platforms {
		ids = append(ids, p.Manifest, p.ID)
	}
	slices.SortFunc(ids, func(a, b release.Digest) int { return slices.Compare([]byte(a.Hex()), []byte(b.Hex())) })
	return slices.Compact(ids)
}

// Runs tells whether one of the platforms is that of a host, like linux/amd64; a variant behind it is not compared.
func (i Image) Runs(platform string) bool {
	return slices.ContainsFunc(i.Platforms, func(p Platform) bool {
		return p.Name == platform || len(p.Name) > len(platform) && p.Name[:len(platform)+1] == platform+"/"
	})
}

// Labelled tells whether every platform carries the label of its commit. Check has compared those that do.
func (i Image) Labelled() bool {
	return !slices.ContainsFunc(i.Platforms, func(p Platform) bool { return p.Revision == "" })
}

// Check looks at all images at the same time and gives what it found, in their order. Where a label org.opencontainers.image.revision
// exists it must name the commit. Any image that is not there, not whole or not what it claims closes the gate: the error is a
// *fault.Fault that names all of them.
func (r *Registry) Check(ctx context.Context, images []release.Image, commit string) ([]Image, error) {
	found := make([]Image, len(images))
	errs := make([]error, len(images))
	var wg sync.WaitGroup
	for i, img := range images {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
			defer cancel()
			found[i], errs[i] = r.look(ctx, img, commit)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return found, together(errs)
}
