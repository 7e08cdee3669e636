package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"fairlead/internal/fault"
	"fairlead/internal/release"
)

// labelRevision is the label that names the commit from which an image was built.
const labelRevision = "org.opencontainers.image.revision"

// looking is one image being looked at.
type looking struct {
	image       release.Image
	commit      string
	repo        name.Repository
	puller      *remote.Puller
	credentials string
}

func (r *Registry) look(ctx context.Context, img release.Image, commit string) (release.ConfirmedImage, error) {
	found := release.ConfirmedImage{Service: img.Service, Ref: img.Ref()}
	l, err := r.open(ctx, img, commit)
	if err != nil {
		return found, err
	}
	d, err := l.get(ctx, img.Digest.String())
	if err != nil {
		return found, err
	}
	found.Media = string(d.MediaType)
	switch {
	case d.MediaType.IsIndex():
		found.Revision, err = l.index(ctx, d)
	case d.MediaType.IsImage():
		found.Revision, err = l.platform(ctx, d)
	default:
		err = l.fault("image-unusable", fmt.Errorf("it is no image but %q", fault.Clip(found.Media, 80)))
	}
	return found, err
}

func (r *Registry) open(ctx context.Context, img release.Image, commit string) (*looking, error) {
	l := &looking{image: img, commit: commit}
	host, _, _ := strings.Cut(img.Repo, "/")
	plain := slices.Contains(r.options.PlainHTTP, host)
	var opts []name.Option
	if plain {
		opts = append(opts, name.Insecure)
	}
	repo, err := name.NewRepository(img.Repo, opts...)
	if err != nil {
		return nil, l.fault("image-unusable", err)
	}
	l.repo = repo
	auth, err := r.options.Keychain.Resolve(repo)
	if err != nil {
		return nil, l.fault("registry-credentials",
			fmt.Errorf("the docker configuration gives no credentials: %w", err))
	}
	l.credentials = "docker configuration"
	if auth == authn.Anonymous {
		l.credentials = "anonymous"
	}
	l.puller, err = remote.NewPuller(remote.WithAuth(auth), remote.WithContext(ctx), remote.WithUserAgent("fairlead"),
		remote.WithTransport(guard{next: r.options.Transport, host: repo.RegistryStr(), plain: plain}),
		remote.WithRetryBackoff(remote.Backoff{Duration: 300 * time.Millisecond, Factor: 3, Jitter: 0.1, Steps: 3}))
	if err != nil {
		return nil, l.fault("image-unusable", err)
	}
	return l, nil
}

// get fetches a manifest; the library refuses bytes that do not hash to the digest, and so does this.
func (l *looking) get(ctx context.Context, digest string) (*remote.Descriptor, error) {
	d, err := l.puller.Get(ctx, l.repo.Digest(digest))
	if err != nil {
		return nil, l.trouble(err, "manifest "+short(digest))
	}
	if got := release.SumDigest(d.Manifest).String(); got != digest {
		return nil, l.fault("image-corrupt", fmt.Errorf("the bytes under %s hash to %s", short(digest), short(got)))
	}
	return d, nil
}

// index looks at every platform and gives the commit that the last one names.
func (l *looking) index(ctx context.Context, d *remote.Descriptor) (revision string, err error) {
	idx, err := d.ImageIndex()
	if err != nil {
		return "", l.fault("image-unusable", err)
	}
	m, err := idx.IndexManifest()
	if err != nil {
		return "", l.fault("image-unusable", fmt.Errorf("its index cannot be read: %w", err))
	}
	platforms := slices.DeleteFunc(m.Manifests, func(e v1.Descriptor) bool { return !runnable(e) })
	switch {
	case len(platforms) == 0:
		return "", l.fault("image-unusable", errors.New("its index lists nothing that can run"))
	case len(platforms) > maxPlatforms:
		return "", l.fault("image-unusable", fmt.Errorf("it has more than %d platforms", maxPlatforms))
	}
	for _, e := range platforms {
		child, err := l.get(ctx, e.Digest.String())
		if err != nil {
			return "", err
		}
		if revision, err = l.platform(ctx, child); err != nil {
			return "", err
		}
	}
	return revision, nil
}

// runnable leaves out attestations and whatever else an index may list beside images.
func runnable(e v1.Descriptor) bool {
	if e.Annotations["vnd.docker.reference.type"] == "attestation-manifest" || !e.MediaType.IsImage() {
		return false
	}
	return e.Platform == nil || e.Platform.OS != "unknown" && e.Platform.Architecture != "unknown"
}

// platform looks at one image that can run and gives the commit that its label names.
func (l *looking) platform(ctx context.Context, d *remote.Descriptor) (revision string, err error) {
	img, err := d.Image()
	if err != nil {
		return "", l.fault("image-unusable", err)
	}
	m, err := img.Manifest()
	if err != nil {
		return "", l.fault("image-unusable", fmt.Errorf("its manifest cannot be read: %w", err))
	}
	media := m.Config.MediaType
	if len(m.Layers) > maxLayers || media != types.OCIConfigJSON && media != types.DockerConfigJSON {
		return "", l.fault("image-unusable", fmt.Errorf("its manifest describes no image (%d layers, configuration %q)",
			len(m.Layers), fault.Clip(string(media), 80)))
	}
	if m.Config.Size > maxBody {
		return "", l.fault("image-unusable", fmt.Errorf("its configuration claims %d bytes", m.Config.Size))
	}
	c, err := img.ConfigFile()
	if err != nil {
		return "", l.trouble(err, "configuration "+short(m.Config.Digest.String()))
	}
	if _, err := release.ParseDigest(m.Config.Digest.String()); err != nil {
		return "", l.fault("image-unusable", err)
	}
	revision = c.Config.Labels[labelRevision]
	if !l.agrees(revision) {
		return "", l.fault("image-mislabelled",
			fmt.Errorf("its label says commit %s, the release says %s", fault.Clip(revision, 80), l.commit))
	}
	return revision, l.layers(ctx, m.Layers)
}

// layers asks for every blob that the registry itself must hold: a manifest may outlive its layers.
func (l *looking) layers(ctx context.Context, layers []v1.Descriptor) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, d := range layers {
		g.Go(func() error { return l.layer(ctx, d) })
	}
	return g.Wait()
}

func (l *looking) layer(ctx context.Context, d v1.Descriptor) error {
	if !d.MediaType.IsDistributable() {
		return nil
	}
	part := "layer " + short(d.Digest.String())
	layer, err := l.puller.Layer(ctx, l.repo.Digest(d.Digest.String()))
	if err != nil {
		return l.trouble(err, part)
	}
	size, err := layer.Size()
	if err != nil {
		return l.trouble(err, part)
	}
	if size >= 0 && size != d.Size {
		return l.fault("image-corrupt", fmt.Errorf("%s has %d bytes, its manifest says %d", part, size, d.Size))
	}
	return nil
}

// agrees compares a label with the commit; a shortened one of at least seven digits is enough, none at all says
// nothing.
func (l *looking) agrees(revision string) bool {
	if revision == "" || l.commit == "" || revision == l.commit {
		return true
	}
	return len(revision) >= 7 && strings.HasPrefix(l.commit, revision)
}

// guard keeps a registry to what it may do: no plain HTTP unless it is configured, no endless answer.
type guard struct {
	next  http.RoundTripper
	host  string
	plain bool
}

// errPlain is given instead of speaking to a registry without TLS.
var errPlain = errors.New("plain HTTP is not allowed for this registry")

// RoundTrip sends a request, or refuses it before anything leaves.
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !g.plain {
		return nil, errPlain
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if r.Method != http.MethodHead {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxBody)
	}
	return resp, nil
}
