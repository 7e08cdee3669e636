package assemble

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/engine"
)

const recipient = "age1e4jfvgjshdsvcynprck0cdcd2llr2l2mqfg4jenxxzkwh4s9n9nsghagva"

// opened assembles a project whose backup block is this, and gives the place of its backups.
func opened(t *testing.T, backup string) (place string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fairlead.yaml")
	text := "app: shop\nenvironment: production\nledger: {kind: dir, path: ledger}\n" +
		"database: {url: \"postgres://u@localhost/shop\"}\n" + backup + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) { return "value", name == "KEY" || name == "SECRET" }
	c, err := config.Load(path, env)
	if err != nil {
		return "", err
	}
	p, err := New(c, Options{Observe: func(engine.Event) {}, Now: time.Now, Env: env, State: t.TempDir()})
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { p.Close() })
	b, err := decode(c)
	if err != nil {
		return "", err
	}
	s, err := openStore(b, nil, env)
	if err != nil {
		return "", err
	}
	return s.Location(), nil
}

const age = "{kind: age, recipients: [" + recipient + "]}"

const bucket = `store: {kind: s3, endpoint: "s3.example", bucket: b, access_key: "${KEY}", secret_key: "${SECRET}"}`

func TestBackups_are_kept_where_the_configuration_says(t *testing.T) {
	for place, block := range map[string]string{
		"s3://b/ at s3.example, encrypted": "backup: {" + bucket + ", encryption: " + age + "}",
		"s3://b/ at s3.example": "backup: {" + bucket +
			`, encryption: {kind: none, reason: "the bucket is on our own disks"}, compression: zstd}`,
		"/var/backups, encrypted": "backup: {store: {kind: dir, path: /var/backups}, " +
			"encryption: {kind: age, recipients: [" + recipient + "], identity: ~/key.txt}}",
		"/var/backups": "backup: {store: {kind: dir, path: /var/backups}, keep: {days: 3, count: 2}}",
	} {
		got, err := opened(t, strings.ReplaceAll(block, "~/", "/nowhere/"))
		if err != nil {
			t.Errorf("%s: %v", block, err)
			continue
		}
		if got != place {
			t.Errorf("%s: they are kept in %s, want %s", block, got, place)
		}
	}
}

func TestBackups_that_would_leave_unencrypted_or_nowhere_are_refused(t *testing.T) {
	ours := "backup: {" + bucket + `, encryption: {kind: none, reason: "because it is ours"}}`
	for _, c := range []struct{ name, block, why string }{
		{"a bucket without a word about encryption", "backup: {" + bucket + "}", "backup.encryption is missing"},
		{"none without a reason", "backup: {" + bucket + ", encryption: {kind: none}}", "reason"},
		{"none with an empty reason", "backup: {" + bucket + `, encryption: {kind: none, reason: " "}}`,
			"needs a reason"},
		{"age without a recipient", "backup: {" + bucket + ", encryption: {kind: age, recipients: []}}",
			"there is none"},
		{"age with something else", "backup: {" + bucket + ", encryption: {kind: age, recipients: [hello]}}",
			"recipient 1"},
		{"a kind of encryption that is not known", "backup: {" + bucket + ", encryption: {kind: gpg}}",
			"age and none are"},
		{"a kind of store that is not known", "backup: {store: {kind: ftp}}", "dir, s3 and host are"},
		{"a host without a target", "backup: {store: {kind: host}}", "there is no target"},
		{"a host with a path that is none", "backup: {store: {kind: host, path: backups}}", "not an absolute path"},
		{"an endpoint with a scheme",
			strings.Replace(ours, "s3.example", "https://s3.example", 1), "without scheme"},
		{"a key that is not set",
			strings.Replace(ours, "${KEY}", "${NOT_SET}", 1), "NOT_SET is not set"},
		{"a compression that is not known", "backup: {store: {kind: dir, path: /b}, compression: lz4}", "compression"},
	} {
		_, err := opened(t, c.block)
		if err == nil || !strings.Contains(err.Error(), c.why) || !strings.Contains(err.Error(), "fairlead.yaml:5:") {
			t.Errorf("%s: %v, want %q with the place in the file", c.name, err, c.why)
		}
	}
}
