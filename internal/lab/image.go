package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// image is what one service of a release is made of.
type image struct {
	repository string // registry host included
	role       string
	version    string
	revision   string
	behaviour  string
	padMB      int
}

// push builds the image from scratch, pushes it under its version as tag and
// gives its reference by digest.
func (l *Lab) push(ctx context.Context, m image) (string, error) {
	img, err := l.build(m)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", m.repository, err)
	}
	tag, err := name.NewTag(m.repository+":"+m.version, name.Insecure)
	if err != nil {
		return "", err
	}
	if err := remote.Write(tag, img, remote.WithContext(ctx), remote.WithTransport(l.Transport())); err != nil {
		return "", fmt.Errorf("push %s: %w", tag, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return "", err
	}
	return m.repository + "@" + digest.String(), nil
}

func (l *Lab) build(m image) (v1.Image, error) {
	program, err := os.ReadFile(filepath.Join(l.Dir, "app"))
	if err != nil {
		return nil, err
	}
	layers := []file{{name: "app", mode: 0o755, text: program}}
	if m.padMB > 0 {
		pad := make([]byte, m.padMB<<20)
		_, _ = rand.Read(pad)
		layers = append(layers, file{name: "pad", mode: 0o644, text: pad})
	}
	img := v1.Image(empty.Image)
	for _, f := range layers {
		layer, err := f.layer()
		if err != nil {
			return nil, err
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			return nil, err
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config.Entrypoint = []string{"/app"}
	config.Config.Env = []string{
		"APP_ROLE=" + m.role, "APP_VERSION=" + m.version,
		"APP_REVISION=" + m.revision, "APP_BEHAVIOUR=" + m.behaviour,
	}
	config.Config.Labels = map[string]string{
		"org.opencontainers.image.version":  m.version,
		"org.opencontainers.image.revision": m.revision,
		"org.opencontainers.image.title":    m.role,
	}
	return mutate.ConfigFile(img, config)
}

// file is the single file of a layer.
type file struct {
	name string
	mode int64
	text []byte
}

func (f file) layer() (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.text)),
		Typeflag: tar.TypeReg}); err != nil {
		return nil, err
	}
	if _, err := w.Write(f.text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b.Bytes())), nil
	})
}
