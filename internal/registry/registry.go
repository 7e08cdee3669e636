// Package registry proves that the images of a release exist now, whole, under exactly their digests: manifests are
// fetched and hashed, every blob is asked for, labels are compared with the commit. It pulls nothing, resolves no tag
// and writes nothing. Start with New and Check.
package registry

import (
	"context"
	"net/http"
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

// Check looks at all images at the same time and gives what it found, in their order. Where a label
// org.opencontainers.image.revision exists it must name the commit. Any image that is not there, not whole or not what
// it claims closes the gate: the error is a *fault.Fault that names all of them.
func (r *Registry) Check(ctx context.Context, images []release.Image, commit string) ([]release.ConfirmedImage, error) {
	found := make([]release.ConfirmedImage, len(images))
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
