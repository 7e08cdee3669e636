package registry

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"fairlead/internal/fault"
	"fairlead/internal/release"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// anonymous keeps the tests away from the docker configuration of whoever runs them.
type anonymous struct{}

func (anonymous) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

// server is a registry in this process; refuse answers 404 to requests it matches, count counts blobs that were
// downloaded.
type server struct {
	host   string
	refuse func(*http.Request) bool
	over   http.Handler
}

func serve(t *testing.T) *server {
	t.Helper()
	s := &server{}
	inner := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.refuse != nil && s.refuse(r):
			http.Error(w, `{"errors":[{"code":"BLOB_UNKNOWN"}]}`, http.StatusNotFound)
		case s.over != nil:
			s.over.ServeHTTP(w, r)
		default:
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(h.Close)
	s.host = strings.TrimPrefix(h.URL, "http://")
	return s
}

func (s *server) check(ctx context.Context, images ...release.Image) ([]release.ConfirmedImage, error) {
	r := New(Options{PlainHTTP: []string{s.host}, Keychain: anonymous{}, Timeout: 5 * time.Second})
	return r.Check(ctx, images, commit)
}

func labelled(t *testing.T, revision, arch string) v1.Image {
	t.Helper()
	img, err := random.Image(512, 3)
	if err != nil {
		t.Fatal(err)
	}
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c = c.DeepCopy()
	c.OS, c.Architecture = "linux", arch
	if revision != "" {
		c.Config.Labels = map[string]string{labelRevision: revision}
	}
	img, err = mutate.ConfigFile(img, c)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func (s *server) push(t *testing.T, service string, what interface {
	Digest() (v1.Hash, error)
}) release.Image {
	t.Helper()
	ref, err := name.NewTag(s.host+"/o/"+service+":x", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	switch x := what.(type) {
	case v1.ImageIndex:
		err = remote.WriteIndex(ref, x)
	case v1.Image:
		err = remote.Write(ref, x)
	}
	if err != nil {
		t.Fatal(err)
	}
	h, err := what.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return image(t, s, service, h.String())
}

func image(t *testing.T, s *server, service, digest string) release.Image {
	t.Helper()
	img, err := release.ParseImage(service, s.host+"/o/"+service+"@"+digest)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// multi is an index of an image for two platforms and of an attestation, which nobody can run.
func multi(t *testing.T, amd, arm string) (index v1.ImageIndex, attestation string) {
	t.Helper()
	on := func(os, arch, variant string) *v1.Platform {
		return &v1.Platform{OS: os, Architecture: arch, Variant: variant}
	}
	statement := labelled(t, "", "unknown")
	digest, err := statement.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: labelled(t, amd, "amd64"),
			Descriptor: v1.Descriptor{Platform: on("linux", "amd64", "")}},
		mutate.IndexAddendum{Add: labelled(t, arm, "arm64"),
			Descriptor: v1.Descriptor{Platform: on("linux", "arm64", "v8")}},
		mutate.IndexAddendum{Add: statement, Descriptor: v1.Descriptor{Platform: on("unknown", "unknown", ""),
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"}}}), digest.String()
}

func TestCheck_looks_at_every_platform_of_an_index_and_passes_attestations_over(t *testing.T) {
	s := serve(t)
	index, attestation := multi(t, commit, commit[:12])
	img := s.push(t, "api", index)
	s.refuse = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, attestation) }
	got, err := s.check(context.Background(), img)
	want := release.ConfirmedImage{Service: "api", Ref: img.Ref(), Media: string(types.OCIImageIndex),
		Revision: commit[:12]}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestCheck_takes_a_plain_manifest_and_says_when_there_is_no_label(t *testing.T) {
	s := serve(t)
	img := s.push(t, "api", labelled(t, "", "amd64"))
	got, err := s.check(context.Background(), img)
	want := release.ConfirmedImage{Service: "api", Ref: img.Ref(), Media: string(types.DockerManifestSchema2)}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestCheck_downloads_no_layer(t *testing.T) {
	s := serve(t)
	img := labelled(t, "", "amd64")
	layers, _ := img.Layers()
	ref := s.push(t, "api", img)
	s.refuse = func(r *http.Request) bool {
		for _, l := range layers {
			h, _ := l.Digest()
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, h.String()) {
				t.Errorf("downloaded %s", r.URL.Path)
			}
		}
		return false
	}
	if _, err := s.check(context.Background(), ref); err != nil {
		t.Fatal(err)
	}
}

func TestCheck_closes_the_gate(t *testing.T) {
	missing := "sha256:" + strings.Repeat("ab", 32)
	for what, c := range map[string]struct {
		arrange func(t *testing.T, s *server) release.Image
		code    fault.Code
		want    string
	}{
		"a digest that the registry does not have": {func(t *testing.T, s *server) release.Image {
			s.push(t, "api", labelled(t, "", "amd64"))
			return image(t, s, "api", missing)
		}, "image-missing", "does not exist in the registry, or this account (anonymous) may not read it"},
		"a repository that nobody knows": {func(t *testing.T, s *server) release.Image {
			return image(t, s, "nobody", missing)
		}, "image-missing", "404"},
		"an image that exists but is gone": {func(t *testing.T, s *server) release.Image {
			img := labelled(t, "", "amd64")
			layers, _ := img.Layers()
			h, _ := layers[1].Digest()
			ref := s.push(t, "api", img)
			s.refuse = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/blobs/"+h.String()) }
			return ref
		}, "image-gone", "its manifest exists, but its layer"},
		"a configuration that is gone": {func(t *testing.T, s *server) release.Image {
			img := labelled(t, "", "amd64")
			h, _ := img.ConfigName()
			ref := s.push(t, "api", img)
			s.refuse = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/blobs/"+h.String()) }
			return ref
		}, "image-gone", "its configuration"},
		"an index whose child was pruned": {func(t *testing.T, s *server) release.Image {
			child := labelled(t, "", "amd64")
			h, _ := child.Digest()
			ref := s.push(t, "api", mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: child}))
			s.refuse = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/manifests/"+h.String()) }
			return ref
		}, "image-missing", "its manifest"},
		"a label of another commit": {func(t *testing.T, s *server) release.Image {
			return s.push(t, "api", labelled(t, strings.Repeat("f", 40), "amd64"))
		}, "image-mislabelled", "its label says commit ffff"},
		"a label of another commit on one platform": {func(t *testing.T, s *server) release.Image {
			index, _ := multi(t, strings.Repeat("f", 40), commit)
			return s.push(t, "api", index)
		}, "image-mislabelled", "its label says commit ffff"},
		"bytes that do not hash to the digest": {func(t *testing.T, s *server) release.Image {
			s.over = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				_, _ = io.WriteString(w, `{"schemaVersion":2}`)
			})
			return image(t, s, "api", missing)
		}, "image-corrupt", "do not hash to their digest"},
		"an endless answer": {func(t *testing.T, s *server) release.Image {
			s.over = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				for r.Context().Err() == nil {
					if _, err := w.Write(make([]byte, 1<<16)); err != nil {
						return
					}
				}
			})
			return image(t, s, "api", missing)
		}, "image-unusable", "larger than 8 MiB"},
		"a registry that denies": {func(t *testing.T, s *server) release.Image {
			s.over = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					return
				}
				http.Error(w, `{"errors":[{"code":"DENIED","message":"secret text"}]}`, http.StatusForbidden)
			})
			return image(t, s, "api", missing)
		}, "image-missing", "403 DENIED"},
		"a registry that asks to slow down": {func(t *testing.T, s *server) release.Image {
			s.over = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v2/" {
					w.WriteHeader(http.StatusTooManyRequests)
				}
			})
			return image(t, s, "api", missing)
		}, "registry-busy", "429"},
	} {
		t.Run(what, func(t *testing.T) {
			s := serve(t)
			_, err := s.check(context.Background(), c.arrange(t, s))
			f, ok := fault.Find(err)
			if !ok || f.Code != c.code || !strings.Contains(err.Error(), c.want) || f.Outcome != fault.Refused {
				t.Fatalf("got  %v (%+v)\nwant %s: %s", err, f, c.code, c.want)
			}
			if f.Means == "" || len(f.Do) == 0 || strings.Contains(f.Text(), "secret text") {
				t.Errorf("got %s", f.Text())
			}
		})
	}
}

// locked is a configuration of docker whose helper does not give the credentials.
type locked struct{}

func (locked) Resolve(authn.Resource) (authn.Authenticator, error) {
	return nil, errors.New("the helper is locked")
}

func TestCheck_says_when_the_docker_configuration_gives_no_credentials(t *testing.T) {
	s := serve(t)
	img := image(t, s, "api", "sha256:"+strings.Repeat("ab", 32))
	_, err := New(Options{PlainHTTP: []string{s.host}, Keychain: locked{}}).Check(t.Context(), []release.Image{img},
		commit)
	if f, ok := fault.Find(err); !ok || f.Code != "registry-credentials" ||
		!strings.Contains(err.Error(), "the helper is locked") {
		t.Errorf("got %v", err)
	}
}

func TestCheck_names_all_images_that_fail(t *testing.T) {
	s := serve(t)
	good := s.push(t, "web", labelled(t, "", "amd64"))
	missing := "sha256:" + strings.Repeat("ab", 32)
	_, err := s.check(context.Background(), image(t, s, "api", missing), good, image(t, s, "worker", missing))
	if err == nil || !strings.Contains(err.Error(), "2 of 3 images") || !strings.Contains(err.Error(), "api:") ||
		!strings.Contains(err.Error(), "worker:") {
		t.Errorf("got %v", err)
	}
}

func TestCheck_speaks_plain_HTTP_only_where_it_is_configured(t *testing.T) {
	s := serve(t)
	img := s.push(t, "api", labelled(t, "", "amd64"))
	asked := false
	s.refuse = func(*http.Request) bool { asked = true; return false }
	_, err := New(Options{Keychain: anonymous{}}).Check(context.Background(), []release.Image{img}, commit)
	f, ok := fault.Find(err)
	if !ok || f.Code != "registry-unreachable" || !strings.Contains(f.Text(), "plain_http") {
		t.Errorf("got %v", err)
	}
	if asked {
		t.Error("a request went out without TLS")
	}
}

func TestCheck_gives_up_on_a_registry_that_hangs(t *testing.T) {
	s := serve(t)
	s.over = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	start := time.Now()
	r := New(Options{PlainHTTP: []string{s.host}, Keychain: anonymous{}, Timeout: 300 * time.Millisecond})
	_, err := r.Check(context.Background(), []release.Image{image(t, s, "api", "sha256:"+strings.Repeat("ab", 32))},
		commit)
	if f, ok := fault.Find(err); !ok || f.Code != "registry-unreachable" {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestMain(m *testing.M) {
	// A registry on this machine is never behind a proxy.
	os.Setenv("NO_PROXY", "127.0.0.1")
	os.Exit(m.Run())
}
