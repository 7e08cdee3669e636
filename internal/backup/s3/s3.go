// Package s3 keeps backups in a bucket of any server that speaks the S3 protocol. An object is uploaded in parts under
// a hidden key, read back from there, and then copied by the server to its own name, on the condition that nothing has
// that name. It knows nothing of what is inside a backup and does not encrypt: package sealed does. Start with Open.
package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"fairlead/internal/backup"
	"fairlead/internal/config"
)

// Config is the block of a store of kind s3.
type Config struct {
	// Server, with its port where it has one and without scheme, like s3.eu-central-1.amazonaws.com.
	Endpoint config.Expandable `yaml:"endpoint,required"`
	// Bucket; it must exist.
	Bucket config.Expandable `yaml:"bucket,required"`
	// Folder in the bucket, like shop/production. What is below it is fairlead's alone.
	Prefix config.Expandable `yaml:"prefix"`
	// Region of the bucket.
	Region string `yaml:"region"`
	// Access key id.
	AccessKey config.Secret `yaml:"access_key,required"`
	// Secret access key.
	SecretKey config.Secret `yaml:"secret_key,required"`
	// Session token of temporary credentials.
	Token config.Secret `yaml:"session_token"`
	// Says that the server wants the bucket in the path, not in the host name (most servers but Amazon's).
	PathStyle bool `yaml:"path_style"`
	// Speaks without TLS: for a server in the same trusted network only.
	PlainHTTP bool `yaml:"plain_http"`
	// Certificates (PEM) of the authorities that are trusted for this server besides the system's.
	CA config.Path `yaml:"ca_file"`
	// Size of the parts of an upload in MB, 5 to 512. A backup has at most 10000 parts; two of them are held in memory.
	PartMB int64 `yaml:"part_size_mb"`
	// How long the server may be silent in the middle of a request.
	Timeout time.Duration `yaml:"timeout"`
}

// Defaults are parts of 8 MB (80 GB in all), a minute of silence, and the region that most other servers than Amazon's
// have.
func (c *Config) Defaults() { c.Region, c.PartMB, c.Timeout = "us-east-1", 8, time.Minute }

// Validate gives the key of the first value that cannot be, and why.
func (c Config) Validate() (key string, err error) {
	endpoint := string(c.Endpoint)
	host, _, hasPort := strings.Cut(endpoint, ":")
	if hasPort {
		h, _, err := net.SplitHostPort(endpoint)
		if err != nil {
			return "endpoint", fmt.Errorf("%q is not a host with a port", endpoint)
		}
		host = h
	}
	switch {
	case strings.Contains(endpoint, "://"), strings.Contains(endpoint, "/"):
		return "endpoint",
			errors.New("the endpoint is a host without scheme and path; TLS is spoken unless plain_http is true")
	case host == "":
		return "endpoint", errors.New("the endpoint names no host")
	case c.Bucket == "":
		return "bucket", errors.New("the bucket has no name")
	case !cleanPrefix(string(c.Prefix)):
		return "prefix", fmt.Errorf("%q is not a folder of a bucket (no empty word, no dots alone)", c.Prefix)
	case c.PartMB < 5 || c.PartMB > 512:
		return "part_size_mb", errors.New("a part has 5 to 512 MB")
	case c.Timeout < time.Second || c.Timeout > time.Hour:
		return "timeout", errors.New("the timeout is between a second and an hour")
	}
	return "", nil
}

func cleanPrefix(p string) bool {
	return p == "" || !strings.HasPrefix(p, ".") && path.Clean("/"+p) == "/"+strings.TrimSuffix(p, "/")
}

// Store is one folder of a bucket. It is safe for use by several goroutines.
type Store struct {
	core   minio.Core
	bucket string
	// "" or ending with a slash
	prefix   string
	place    string
	region   string
	partSize int64
	patience time.Duration

	mu sync.Mutex
	// whether the server honours conditions, once that was asked
	honoured *bool
}

var _ backup.PrunableStore = (*Store)(nil)

// Open reads the configuration and connects to nothing.
func Open(c Config) (*Store, error) {
	transport, err := newTransport(c)
	if err != nil {
		return nil, err
	}
	lookup := minio.BucketLookupAuto
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	core, err := minio.NewCore(string(c.Endpoint), &minio.Options{
		Creds:  credentials.NewStaticV4(c.AccessKey.Reveal(), c.SecretKey.Reveal(), c.Token.Reveal()),
		Secure: !c.PlainHTTP, Region: c.Region, BucketLookup: lookup, Transport: transport, MaxRetries: 3})
	if err != nil {
		return nil, fmt.Errorf("s3 endpoint %s: %w", c.Endpoint, err)
	}
	prefix := strings.Trim(string(c.Prefix), "/")
	if prefix != "" {
		prefix += "/"
	}
	return &Store{core: *core, bucket: string(c.Bucket), prefix: prefix,
		place:  fmt.Sprintf("s3://%s/%s at %s", c.Bucket, prefix, c.Endpoint),
		region: c.Region, partSize: c.PartMB << 20, patience: c.Timeout}, nil
}

// Location names endpoint, bucket and folder.
func (s *Store) Location() string { return s.place }

func (s *Store) key(name string) string { return s.prefix + name }

// hiddenFolder is where partial objects are, below the prefix. No name of a backup begins with a dot.
const hiddenFolder = ".fairlead/"

// Ready asks for one object of the folder, which tells whether the server answers, the key is right, and the bucket is
// there. Whether anything may be written is not known before it is.
func (s *Store) Ready(ctx context.Context) error {
	// a request is tried again when the connection fails
	ctx, cancel := context.WithTimeout(ctx, 3*s.patience)
	defer cancel()
	for o := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, MaxKeys: 1}) {
		return s.explain("look into the bucket", o.Err)
	}
	return ctx.Err()
}

// Put begins an object. Nothing is sent before a whole part was written.
func (s *Store) Put(ctx context.Context, name string) (backup.Partial, error) {
	if err := backup.CheckName(name); err != nil {
		return nil, err
	}
	if _, err := s.stat(ctx, s.key(name)); err == nil {
		return nil, fmt.Errorf("%w: %s", backup.ErrExists, name)
	} else if !errors.Is(err, backup.ErrMissing) {
		return nil, err
	}
	return newPartial(ctx, s, name), nil
}

// stat asks for one key; backup.ErrMissing when there is none.
func (s *Store) stat(ctx context.Context, key string) (minio.ObjectInfo, error) {
	o, err := s.core.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
	if code(err) == "NoSuchKey" {
		return o, fmt.Errorf("%w: %s in %s", backup.ErrMissing, path.Base(key), s.place)
	}
	return o, s.explain("ask for "+path.Base(key), err)
}

// Open reads a visible object. An object that ends before its announced length is an error of the reader.
func (s *Store) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := backup.CheckName(name); err != nil {
		return nil, backup.As(backup.ErrMissing, err)
	}
	return s.read(ctx, s.key(name))
}

func (s *Store) read(ctx context.Context, key string) (io.ReadCloser, error) {
	r, info, _, err := s.core.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if code(err) == "NoSuchKey" {
		return nil, fmt.Errorf("%w: %s in %s", backup.ErrMissing, path.Base(key), s.place)
	}
	if err != nil {
		return nil, s.explain("read "+path.Base(key), err)
	}
	return &reader{s: s, r: r, name: path.Base(key), left: info.Size}, nil
}

// reader tells an object that ends early.
type reader struct {
	s    *Store
	r    io.ReadCloser
	name string
	left int64
}

func (r *reader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && r.left > 0:
		return n, fmt.Errorf("read %s: %d bytes are missing: %w", r.name, r.left, io.ErrUnexpectedEOF)
	case err != nil && !errors.Is(err, io.EOF):
		return n, r.s.explain("read "+r.name, err)
	}
	return n, err
}

func (r *reader) Close() error { return r.r.Close() }

// List gives the visible objects, newest first.
func (s *Store) List(ctx context.Context) ([]backup.Object, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all []backup.Object
	for o := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix}) {
		if o.Err != nil {
			return nil, s.explain("list the backups", o.Err)
		}
		name := strings.TrimPrefix(o.Key, s.prefix)
		if backup.CheckName(name) == nil {
			all = append(all, backup.Object{Name: name, Size: o.Size, At: o.LastModified.UTC()})
		}
	}
	slices.SortFunc(all, func(a, b backup.Object) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(b.Name, a.Name))
	})
	return all, ctx.Err()
}

// Delete removes a visible object. A bucket with versions keeps them; its life cycle rules remove them.
func (s *Store) Delete(ctx context.Context, name, reason string) error {
	if err := backup.CheckDelete(name, reason); err != nil {
		return err
	}
	if _, err := s.stat(ctx, s.key(name)); err != nil {
		return err
	}
	return s.explain("delete "+name, s.core.RemoveObject(ctx, s.bucket, s.key(name), minio.RemoveObjectOptions{}))
}

// code gives the server's word for an error, or "".
func code(err error) string {
	var r minio.ErrorResponse
	if errors.As(err, &r) && r.Code == "" && r.StatusCode == http.StatusNotFound {
		return "NoSuchKey"
	}
	return r.Code
}

// newTransport makes connections on which no read and no write waits longer than the timeout, whatever the size of the
// object.
func newTransport(c Config) (http.RoundTripper, error) {
	dialer := &net.Dialer{Timeout: min(c.Timeout, 15*time.Second), KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSHandshakeTimeout: min(c.Timeout, 15*time.Second),
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     min(c.Timeout, 30*time.Second),
		DisableCompression:  true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return patient{conn, c.Timeout}, nil
		},
	}
	if c.CA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.CA.String())
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file: %s holds no certificate", c.CA)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// patient is a connection on which each read and each write has a time limit of its own.
type patient struct {
	net.Conn
	limit time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(p.limit)); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

func (p patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.limit)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}
