//go:build real

package s3

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"fairlead/internal/backup/backuptest"
	"fairlead/internal/config"
	"fairlead/internal/fault"
	"fairlead/internal/lab"
	"fairlead/internal/lab/smalldisk"
)

// gateway starts the real server over a directory of buckets and gives its address.
func gateway(t *testing.T, buckets string) string { return lab.StartS3(t, buckets) }

// through passes requests on to the real server, as they were signed.
func through(address string) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: address})
		r.Out.Host = r.In.Host
	}}
}

func TestRealServer_keeps_the_contract(t *testing.T) {
	buckets := t.TempDir()
	disk := smalldisk.Mount(t, buckets, 256<<20)
	address := gateway(t, buckets)
	n := 0
	backuptest.Exercise(t, func(t *testing.T) backuptest.Fixture {
		n++
		bucket := fmt.Sprintf("backups-%d", n)
		if err := os.Mkdir(filepath.Join(buckets, bucket), 0o755); err != nil {
			t.Fatal(err)
		}
		front, line := started(t, through(address))
		c := settings(front)
		c.Bucket = config.Expandable(bucket)
		p := bucketPlace(c)
		p.Cut = func(*testing.T) func() { return line.cut() }
		p.Fill = disk.Fill
		p.Damage = func(t *testing.T, name string) {
			path := filepath.Join(buckets, bucket, "shop/production", name)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte{b[len(b)/2] ^ 1}, int64(len(b)/2)); err != nil {
				t.Fatal(err)
			}
		}
		return p
	})
}

func TestRealServer_honours_conditions(t *testing.T) {
	buckets := t.TempDir()
	c := settings(gateway(t, buckets))
	if err := os.Mkdir(filepath.Join(buckets, "backups"), 0o755); err != nil {
		t.Fatal(err)
	}
	if yes, err := opened(t, c).conditional(t.Context()); !yes || err != nil {
		t.Errorf("it honours conditions: %v (error %v); the tests were to be of a server that does", yes, err)
	}
}

func TestRealServer_has_all_or_nothing_wherever_the_connection_is_cut(t *testing.T) {
	buckets := t.TempDir()
	address := gateway(t, buckets)
	if err := os.Mkdir(filepath.Join(buckets, "backups"), 0o755); err != nil {
		t.Fatal(err)
	}
	cuts(t, through(address))
}

func TestRealServer_refuses_what_is_wrong_in_three_parts(t *testing.T) {
	buckets := t.TempDir()
	address := gateway(t, buckets)
	if err := os.Mkdir(filepath.Join(buckets, "backups"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		code   fault.Code
		change func(*Config)
	}{
		{"missing bucket", "backup-store-missing", func(c *Config) { c.Bucket = "nothing" }},
		{"wrong key", "backup-store-denied", func(c *Config) { c.AccessKey = config.NewSecret("somebody") }},
		{"wrong secret", "backup-store-denied", func(c *Config) { c.SecretKey = config.NewSecret("not-it") }},
		{"wrong region", "backup-store-region", func(c *Config) { c.Region = "mars-north-1" }},
		{"TLS to a server without", "backup-store-tls", func(c *Config) { c.PlainHTTP = false }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := settings(address)
			c.change(&cfg)
			wrong(t, opened(t, cfg).Ready(t.Context()), c.code)
		})
	}
}
