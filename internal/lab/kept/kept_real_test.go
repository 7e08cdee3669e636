//go:build real

package kept

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"fairlead/internal/backup/backuptest"
	shelf "fairlead/internal/backup/host"
	"fairlead/internal/host"
	"fairlead/internal/lab"
	"fairlead/internal/wire"
)

const (
	firstSQL = "CREATE TABLE orders (id bigint PRIMARY KEY, note text);\n" +
		"INSERT INTO orders SELECT n, repeat('customer ', 9) FROM generate_series(1, 2000) n;\n"
	nextSQL = "ALTER TABLE orders ADD COLUMN phone text;\n"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shop is an application of one service, without ssh unless the configuration says so.
type shop struct {
	*lab.Stack
	t    *testing.T
	ctx  context.Context
	home string
	said strings.Builder // everything that any command said
}

func open(t *testing.T, app string, c lab.ConfigOptions, backups string) *shop {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	name := fmt.Sprintf("%s-%d", app, os.Getpid())
	stack, err := lab.Here(t).Stack(ctx, lab.StackOptions{App: name, Compose: `name: {{.App}}
services:
  api:
    image: ${API_IMAGE}
    ports: ["127.0.0.1:{{.APIPort}}:8080"]
    restart: unless-stopped
    stop_grace_period: 5s
`})
	must(t, err)
	t.Cleanup(func() {
		if err := stack.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	c.Services, c.SmokeURLs, c.Every, c.Attempts = []string{"api"}, []string{stack.APIURL + "/api/health"}, "200ms", 50
	s := &shop{Stack: stack, t: t, ctx: ctx, home: t.TempDir()}
	must(t, os.Mkdir(filepath.Join(s.home, "home"), 0o755))
	must(t, s.WriteConfig(filepath.Join(s.home, "fairlead.yaml"), c))
	s.edit(regexp.MustCompile(`(?m)^backup:.*$`).FindString(s.config()), backups)
	for tag, sql := range map[string]string{"v1.0.0": firstSQL, "v1.1.0": nextSQL} {
		p, err := s.PublishRelease(ctx, lab.Release{Tag: tag, MigrationSQL: sql})
		must(t, err)
		keepService(t, p, "api")
	}
	return s
}

// keepService leaves one service in a release.
func keepService(t *testing.T, p lab.Published, service string) {
	t.Helper()
	file := filepath.Join(p.Dir, "release.json")
	b, err := os.ReadFile(file)
	must(t, err)
	var doc map[string]any
	must(t, json.Unmarshal(b, &doc))
	images := doc["images"].(map[string]any)
	for name := range images {
		if name != service {
			delete(images, name)
		}
	}
	b, err = json.Marshal(doc)
	must(t, err)
	must(t, os.WriteFile(file, b, 0o644))
}

func (s *shop) config() string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.home, "fairlead.yaml"))
	must(s.t, err)
	return string(b)
}

func (s *shop) edit(old, new string) {
	s.t.Helper()
	text := s.config()
	if old == "" || !strings.Contains(text, old) {
		s.t.Fatalf("the configuration does not hold %q", old)
	}
	must(s.t, os.WriteFile(filepath.Join(s.home, "fairlead.yaml"), []byte(strings.Replace(text, old, new, 1)), 0o644))
}

// must runs a command and asks for its exit status and for what it says.
func (s *shop) must(exit int, words string, wants ...string) string {
	s.t.Helper()
	cmd := s.Fairlead(s.ctx, s.home, strings.Fields(words)...)
	cmd.Env = append(cmd.Env, "HOME="+filepath.Join(s.home, "home"), "XDG_STATE_HOME=", "S3_KEY="+lab.S3Key,
		"S3_SECRET="+lab.S3Secret)
	out, _ := cmd.CombinedOutput()
	s.said.Write(out)
	if got := cmd.ProcessState.ExitCode(); got != exit {
		s.t.Fatalf("fairlead %s: exit %d, want %d\n%s", words, got, exit, out)
	}
	for _, want := range wants {
		if !strings.Contains(string(out), want) {
			s.t.Errorf("fairlead %s does not say %q:\n%s", words, want, out)
		}
	}
	return string(out)
}

// newest gives the name of the newest backup.
func (s *shop) newest() string {
	s.t.Helper()
	name := regexp.MustCompile(`(?m)^\S+\.dump`).FindString(s.must(0, "backup list"))
	if name == "" {
		s.t.Fatal("no backup is listed")
	}
	return name
}

func TestBackup_in_a_bucket_is_encrypted_verified_and_restored(t *testing.T) {
	buckets := t.TempDir()
	address := lab.StartS3(t, buckets, "vault")
	id, err := age.GenerateX25519Identity()
	must(t, err)
	key := filepath.Join(t.TempDir(), "key.txt")
	must(t, os.WriteFile(key, []byte(id.String()+"\n"), 0o600))
	store := fmt.Sprintf(`backup:
  store: {kind: s3, endpoint: "%s", bucket: vault, prefix: shop/production, access_key: "${S3_KEY}",
    secret_key: "${S3_SECRET}", path_style: true, plain_http: true}
`, address)
	s := open(t, "bucket", lab.ConfigOptions{Hosts: []string{"local"}}, store)

	s.must(1, "check", "backup.encryption is missing")
	s.edit(store, store+"  encryption: {kind: none}\n")
	s.must(1, "check", "reason")
	s.edit("{kind: none}", "{kind: age, recipients: ["+id.Recipient().String()+"]}\n  compression: zstd")
	s.must(0, "check", "backups: s3://vault/shop/production/ at "+address+", encrypted")
	s.must(0, "deploy v1.0.0 --yes")
	s.must(0, "deploy v1.1.0 --yes", "read back and compared (L2)")

	name := s.newest()
	kept, err := os.ReadFile(filepath.Join(buckets, "vault", "shop", "production", name))
	must(t, err)
	if !bytes.HasPrefix(kept, []byte("age-encryption.org/v1\n")) || bytes.Contains(kept, []byte("customer")) {
		t.Error("what is kept is not encrypted")
	}
	s.must(0, "backup list", "zstd, age to 1", "L2")
	s.must(0, "backup verify "+name, "(L1)", "its key is not here", "as run r-")
	s.must(3, "backup verify --level L2 "+name, "is encrypted, and its key is not here")
	s.edit("{kind: age, ", "{kind: age, identity: "+key+", ")
	s.must(0, "backup verify "+name, "(L2)", "contents and rows are those of its snapshot")
	s.mayCreate()
	s.must(0, "backup restore "+name+" --into "+s.restored(), "all as in its manifest")
	s.must(0, "backup prune --dry-run", "migrated last: this is the way back to the schema before", "0 would go")

	flip(t, filepath.Join(buckets, "vault", "shop", "production", name))
	s.must(4, "backup verify "+name, "is not what was written")
	for _, secret := range []string{lab.S3Secret, id.String()} {
		if strings.Contains(s.said.String(), secret) {
			t.Errorf("a secret was told: %s", secret[:8])
		}
	}
}

// mayCreate lets the application's role create databases.
func (s *shop) mayCreate() {
	s.t.Helper()
	u, err := url.Parse(s.DatabaseURL)
	must(s.t, err)
	conf, err := pgx.ParseConfig(s.Lab.DatabaseURL)
	must(s.t, err)
	conf.DialFunc = s.Lab.Dial
	c, err := pgx.ConnectConfig(s.ctx, conf)
	must(s.t, err)
	defer c.Close(s.ctx)
	_, err = c.Exec(s.ctx, "ALTER ROLE "+pgx.Identifier{u.User.Username()}.Sanitize()+" CREATEDB")
	must(s.t, err)
}

// restored is a database to restore into, which is dropped at the end.
func (s *shop) restored() string {
	s.t.Helper()
	name := "kept_restored_" + fmt.Sprint(os.Getpid())
	s.t.Cleanup(func() { _ = s.Exec(context.Background(), "DROP DATABASE IF EXISTS "+name) })
	return name
}

func flip(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	st, err := f.Stat()
	must(t, err)
	b := []byte{0}
	_, err = f.ReadAt(b, st.Size()/2)
	must(t, err)
	b[0] ^= 1
	_, err = f.WriteAt(b, st.Size()/2)
	must(t, err)
}

func TestBackup_stays_on_the_host_over_ssh(t *testing.T) {
	s := open(t, "stays", lab.ConfigOptions{}, "backup: {store: {kind: host}}")
	s.must(0, "deploy v1.0.0 --yes")
	s.must(0, "check", "backups: ", "/.fairlead/"+s.App+"/.backups/production")
	s.must(0, "deploy v1.1.0 --yes", "read back and compared (L2)")
	name := s.newest()
	s.must(0, "backup verify "+name, "(L2)")
	path := filepath.Join(s.Dir, ".fairlead", s.App, ".backups", "production", name)
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm()&0o007 != 0 {
		t.Fatalf("on the host it is %v (error %v)", st, err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.home, "*.dump")); len(left) != 0 {
		t.Errorf("there is %v on the operator's machine", left)
	}
	flip(t, path)
	s.must(4, "backup verify "+name, "is not what was written")
	must(t, os.Remove(path))
	s.must(0, "backup list", "NOT RELIABLE: its dump is gone")
}

// overSSH is the lab's host, reached through a port as a deployment reaches it.
func overSSH(t *testing.T, l *lab.Lab, port int) *host.Host {
	t.Helper()
	bin := os.Getenv(lab.BinVar)
	if bin == "" {
		root, err := lab.ModuleRoot()
		must(t, err)
		bin = filepath.Join(root, "bin")
	}
	keys, err := os.ReadFile(l.KnownHosts)
	must(t, err)
	known := filepath.Join(t.TempDir(), "known")
	must(t, os.WriteFile(known, bytes.ReplaceAll(keys, []byte(fmt.Sprint(l.SSHPort)), []byte(fmt.Sprint(port))), 0o600))
	h := host.New(host.Options{Address: host.Address{User: l.SSHUser, Host: l.SSHHost, Port: port},
		SSH:    host.SSH{Config: "none", IdentityFile: l.IdentityFile, KnownHosts: known},
		Agents: host.FindAgents(bin, "")})
	t.Cleanup(func() { h.Close() })
	return h
}

// shelfDir is a folder of the host that the deploy user owns.
func shelfDir(t *testing.T, l *lab.Lab) string {
	t.Helper()
	dir := filepath.Join("/tmp", fmt.Sprintf("fairlead-shelf-%d-%d", os.Getpid(), time.Now().UnixNano()))
	if out, err := l.SSH(t.Context(), "mkdir -m 750 "+dir).CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v: %s", dir, err, out)
	}
	t.Cleanup(func() { _ = l.HostCommand(context.Background(), "rm", "-rf", dir).Run() })
	return dir
}

func TestShelf_over_ssh_keeps_the_contract(t *testing.T) {
	l := lab.Here(t)
	backuptest.Exercise(t, func(t *testing.T) backuptest.Fixture {
		dir := shelfDir(t, l)
		cable, err := l.NewProxy(t.Context(), net.JoinHostPort(l.SSHHost, fmt.Sprint(l.SSHPort)))
		must(t, err)
		t.Cleanup(func() { cable.Close() })
		h := overSSH(t, l, cable.Port()) // one connection, as a command has
		return backuptest.Fixture{Large: 2<<20 + 5,
			Open: func(*testing.T) backuptest.Store { return shelf.New(shelf.Config{Path: dir}, h, wire.Place{}) },
			Cut: func(*testing.T) func() {
				cable.Refuse(true)
				cable.Cut()
				return func() { cable.Refuse(false) }
			}}
	})
}

func TestShelf_over_ssh_takes_little_memory(t *testing.T) {
	l := lab.Here(t)
	backuptest.Flat(t, shelf.New(shelf.Config{Path: shelfDir(t, l)}, overSSH(t, l, l.SSHPort), wire.Place{}), 128, 64)
}
