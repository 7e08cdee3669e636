//go:build postgres

package postgres

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/apply"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/database/postgrestest"
)

// with changes a URL.
func with(t *testing.T, raw string, change func(u *url.URL, q url.Values)) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	change(u, q)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestWrong_what_the_URL_leads_to_is_said_on_every_way_and_without_the_password(t *testing.T) {
	direct := servertest.Fresh(t)
	expired := servertest.Login(t, direct, "wrong_expired", "VALID UNTIL '2001-01-01'")
	closed, err := postgrestest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ url, says string }{
		"an expired password": {expired, "password authentication failed"},
		"an unknown host": {with(t, direct, func(u *url.URL, _ url.Values) {
			u.Host = "no-such-host.invalid:5432"
		}), "its host name does not resolve"},
		"nobody listens": {with(t, direct, func(u *url.URL, _ url.Values) {
			u.Host = fmt.Sprintf("127.0.0.1:%d",
				closed)
		}), "connection refused"},
		"no such database": {with(t, direct, func(u *url.URL, _ url.Values) { u.Path = "/nowhere" }),
			"does not exist"},
		"TLS where there is none": {with(t, direct, func(_ *url.URL, q url.Values) { q.Set("sslmode", "require") }),
			"TLS"},
		"a socket that is not here": {with(t, direct, func(u *url.URL, q url.Values) {
			u.Host = ""
			q.Set("host",
				"/nowhere")
		}), "no such file"},
	} {
		for way, change := range map[string]func(*server.Config){"direct": func(
			c *server.Config) {
			c.Via = server.ViaDirect
		}, "ssh": servertest.ViaSSH} {
			for act, call := range map[string]func(*Database) error{
				"Preflight": func(d *Database) error { _, err := d.Preflight(t.Context()); return err },
				"a run": func(d *Database) error {
					_, err := apply.Run(t.Context(), d, d, servertest.JobOf(t, servertest.AddRow).Job)
					return err
				},
			} {
				err := call(opened(t, c.url, change))
				switch {
				case !errors.Is(err, database.ErrUnreachable) || !strings.Contains(err.Error(), c.says):
					t.Errorf("%s, %s, %s: %v, want %q", name, way, act, err, c.says)
				case strings.Contains(err.Error(), servertest.Password), strings.Contains(err.Error(),
					servertest.PasswordOf(direct)):
					t.Errorf("%s, %s, %s: the password is in %v", name, way, act, err)
				case way == "ssh" && !strings.Contains(err.Error(), "through dbhost"):
					t.Errorf("%s, %s, %s: %v does not say which way", name, way, act, err)
				}
			}
		}
	}
}

// certificates makes an authority and the server's certificate for a name, and gives the authority's file.
func certificates(t *testing.T, name string) (authority string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(servertest.Server.Dir, "data")
	for file, block := range map[string]*pem.Block{"server.crt": {Type: "CERTIFICATE", Bytes: der},
		"server.key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		path := filepath.Join(data, file)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := servertest.Server.Own(path); err != nil {
			t.Fatal(err)
		}
	}
	authority = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		0o644); err != nil {
		t.Fatal(err)
	}
	return authority
}

// hba puts lines in front of the server's own until the test ends.
func hba(t *testing.T, lines string) {
	t.Helper()
	path := filepath.Join(servertest.Server.Dir, "data", "pg_hba.conf")
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		servertest.Admin(t, servertest.Server.URL("owner", "postgres"), "SELECT pg_reload_conf()")
		time.Sleep(200 * time.Millisecond)
	}
	reload(append([]byte(lines), was...))
	t.Cleanup(func() { reload(was) })
}

func TestWrong_a_server_that_demands_TLS_is_told_and_reached_by_it_on_every_way(t *testing.T) {
	direct := servertest.Fresh(t)
	authority := certificates(t, "db.example.test")
	secured := servertest.Login(t, direct, "wrong_tls", "SUPERUSER")
	servertest.Admin(t, servertest.Server.URL("owner", "postgres"), "ALTER SYSTEM SET ssl = on")
	t.Cleanup(func() {
		servertest.Admin(t, servertest.Server.URL("owner", "postgres"), "ALTER SYSTEM RESET ssl")
		servertest.Admin(t, servertest.Server.URL("owner", "postgres"), "SELECT pg_reload_conf()")
	})
	hba(t, "hostnossl all wrong_tls all reject\n")
	servertest.Admin(t, direct, "CREATE TABLE big AS SELECT g AS id FROM generate_series(1, 1000) g")
	for way, change := range map[string]func(*server.Config){"direct": func(
		c *server.Config) {
		c.Via = server.ViaDirect
	}, "ssh": servertest.ViaSSH} {
		_, err := opened(t, secured, change).Preflight(t.Context())
		if !errors.Is(err, database.ErrUnreachable) || !strings.Contains(err.Error(), "no encryption") {
			t.Errorf("%s, without TLS: %v", way, err)
		}
		for mode, set := range map[string]func(*url.URL, url.Values){
			"require": func(_ *url.URL, q url.Values) { q.Set("sslmode", "require") },
			"prefer":  func(_ *url.URL, q url.Values) { q.Set("sslmode", "prefer") },
			"verify-full": func(_ *url.URL, q url.Values) {
				q.Set("sslmode", "verify-full")
				q.Set("sslrootcert",
					authority)
			},
		} {
			d := opened(t, with(t, secured, set), change)
			var archive bytes.Buffer
			dump, err := d.Dump(t.Context(), &archive)
			if err != nil {
				t.Errorf("%s, %s: %v", way, mode, err)
				continue
			}
			if err := d.Verify(t.Context(), &archive, dump); err != nil || dump.Tables["public.big"] != 1000 {
				t.Errorf("%s, %s: %v, %v", way, mode, dump.Tables, err)
			}
		}
		other := with(t, secured, func(u *url.URL, q url.Values) {
			q.Set("sslmode", "verify-full")
			q.Set("sslrootcert", authority)
			u.Host = fmt.Sprintf("localhost:%d", servertest.Server.Port) // a name that the certificate does not have
		})
		if _, err := opened(t, other, change).Preflight(t.Context()); !errors.Is(err, database.ErrUnreachable) ||
			!strings.Contains(err.Error(), "localhost") {
			t.Errorf("%s, another name: %v", way, err)
		}
	}
}

// standby makes a read-only copy of the server that follows it, and gives the URL of a database there.
func standby(t *testing.T, direct string) string {
	t.Helper()
	dir, err := os.MkdirTemp(servertest.Server.Dir, "standby-")
	if err != nil {
		t.Fatal(err)
	}
	if err := servertest.Server.Own(dir); err != nil {
		t.Fatal(err)
	}
	pass := filepath.Join(dir, "pass")
	line := fmt.Sprintf("*:*:*:*:%s\n", strings.NewReplacer(`\`, `\\`, `:`, `\:`).Replace(servertest.Password))
	if err := os.WriteFile(pass, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := servertest.Server.Own(pass); err != nil {
		t.Fatal(err)
	}
	port, err := postgrestest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	run := func(name string, args ...string) *exec.Cmd {
		cmd := servertest.Server.Command(name, args...)
		cmd.Env, cmd.Dir = append(os.Environ(), "PGPASSFILE="+pass), dir
		return cmd
	}
	base := run("pg_basebackup", "-h", "127.0.0.1", "-p", fmt.Sprint(servertest.Server.Port), "-U", "owner", "-D", data,
		"-R", "-X", "stream", "-c", "fast", "--no-sync")
	if out, err := base.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v: %s", err, out)
	}
	serve := run("postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", fmt.Sprintf("port=%d", port), "-c",
		"unix_socket_directories="+dir, "-c", "fsync=off",
		"-c", "max_prepared_transactions=2", "-c", "hot_standby=on", "-c", "cluster_name=follower", "-c",
		"wal_receiver_status_interval=1s")
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Process.Signal(syscall.SIGQUIT); _ = serve.Wait() })
	at := with(t, direct, func(u *url.URL, _ url.Values) { u.Host = fmt.Sprintf("127.0.0.1:%d", port) })
	for range 100 {
		if _, err := opened(t, at, func(c *server.Config) { c.Via = server.ViaDirect }).Identity(
			t.Context()); err == nil {
			return at
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the standby does not answer")
	return ""
}

func TestWrong_a_standby_is_refused_and_a_follower_that_lags_too(t *testing.T) {
	direct := servertest.Table(t)
	at := standby(t, direct)
	f, err := opened(t, at).Preflight(t.Context())
	if err != nil || !f.Standby || !slices.ContainsFunc(f.Problems,
		func(p string) bool { return strings.Contains(p, "is a standby") }) {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := apply.Run(t.Context(), opened(t, at), opened(t, at),
		servertest.JobOf(t, servertest.AddRow).Job); err == nil {
		t.Error("a run on a standby came to an end")
	}
	if _, err := opened(t, at).Dump(t.Context(), &bytes.Buffer{}); err == nil {
		t.Error("a dump was taken from a standby")
	}
	f, err = opened(t, direct).Preflight(t.Context())
	if err != nil || len(f.Problems) > 0 || !slices.ContainsFunc(f.Notes,
		func(n string) bool { return strings.HasPrefix(n, "the standby ") && strings.Contains(n, " MB behind") }) {
		t.Errorf("%q, %q, %v", f.Problems, f.Notes, err)
	}
	servertest.Admin(t, at, "SELECT pg_wal_replay_pause()")
	var told []string
	for range 60 {
		servertest.Admin(t, direct, "INSERT INTO effect SELECT 1 FROM generate_series(1, 1000)", "DELETE FROM effect")
		time.Sleep(100 * time.Millisecond)
		f, err = opened(t, direct, func(c *server.Config) { c.MaxReplicationLag = 500 * time.Millisecond }).Preflight(
			t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if told = f.Problems; len(told) > 0 {
			break
		}
	}
	if len(told) != 1 || !strings.Contains(told[0], "more than database.max_replication_lag (500ms)") {
		t.Errorf("a standby that stands still: %q, %q", told, f.Notes)
	}
	servertest.Unchanged(t, direct)
}

func TestPreflight_tells_of_a_prepared_transaction_sequences_and_large_objects(t *testing.T) {
	direct := servertest.Table(t)
	reader := servertest.Login(t, direct, "wrong_reader", "")
	servertest.Admin(t, direct, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO wrong_reader",
		"GRANT CREATE ON DATABASE "+servertest.Ask[string](t, direct, "SELECT current_database()")+" TO wrong_reader",
		"CREATE SEQUENCE numbers", "SELECT lo_from_bytea(0, 'x')",
		"SELECT pg_create_physical_replication_slot('wrong_slot', true)")
	t.Cleanup(func() { servertest.Admin(t, direct, "SELECT pg_drop_replication_slot('wrong_slot')") })
	servertest.Admin(t, direct, "BEGIN; INSERT INTO effect VALUES (1); PREPARE TRANSACTION 'forgotten'")
	t.Cleanup(func() { servertest.Admin(t, direct, "ROLLBACK PREPARED 'forgotten'") })
	f, err := opened(t, reader).Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	problems, notes := strings.Join(f.Problems, "\n"), strings.Join(f.Notes, "\n")
	for _, want := range []string{"may not read the sequences public.numbers", "may not read 1 large objects"} {
		if !strings.Contains(problems, want) {
			t.Errorf("%q is not among %q", want, problems)
		}
	}
	for _, want := range []string{"the prepared transaction 'forgotten' of owner",
		"the replication slot wrong_slot is used by nobody"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not among %q", want, notes)
		}
	}
	f, err = opened(t, direct, func(c *server.Config) { c.MaxOpenTransaction = time.Millisecond }).Preflight(
		t.Context())
	if err != nil || len(f.Problems) != 1 || !strings.Contains(f.Problems[0], "ROLLBACK PREPARED 'forgotten'") {
		t.Errorf("%q, %v", f.Problems, err)
	}
	var d database.Facts
	dumping, err := Open(server.Config{URL: opened(t, reader).server.Config.URL}, server.Session{Run: "r-one",
		Duty: server.Dumping})
	if err == nil {
		d, err = dumping.Preflight(context.Background())
	}
	if err != nil || len(d.Problems) != 2 {
		t.Errorf("who only dumps is asked for more: %q, %v", d.Problems, err)
	}
}
