//go:build postgres

package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

func dumped1(t *testing.T, d *Archive) (database.Dump, []byte) {
	t.Helper()
	var out bytes.Buffer
	dump, err := d.Dump(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	return dump, out.Bytes()
}

func TestDump_is_verified_with_the_rows_of_its_own_snapshot(t *testing.T) {
	url := servertest.Filled(t)
	d := opened(t, url)
	dump, archive := dumped1(t, d)
	want := map[string]int64{"public.orders": 20000, `"Odd schema"."a.b ""c"" (d"`: 3, "public.empty": 0,
		"public.parts_1": 5, "public.parts_2": 5,
		"public.parent": 0, "public.child": 2, "public.nothing": 1, "public.unlogged": 1}
	for name, n := range want {
		if dump.Tables[name] != n {
			t.Errorf("%s has %d rows in the counts, want %d", name, dump.Tables[name], n)
		}
	}
	if len(dump.Tables) != len(want) {
		t.Errorf("there are %d tables, want %d: %v", len(dump.Tables), len(want), dump.Tables)
	}
	if dump.System == "" || dump.Timeline != 1 || dump.LSN == "" || dump.At.IsZero() ||
		dump.Extensions["plpgsql"] == "" || !strings.HasPrefix(dump.Dumper, dump.Server[:2]) {
		t.Errorf("the description lacks facts: %+v", dump)
	}
	if err := d.Verify(t.Context(), bytes.NewReader(archive), dump); err != nil {
		t.Errorf("a good archive is refused: %v", err)
	}
}

func TestDump_counts_in_the_snapshot_while_others_write(t *testing.T) {
	url := servertest.Filled(t)
	verifiedWhileOthersWrite(t, opened(t, url), url, "INSERT INTO public.orders SELECT 1, 'x' FROM "+
		"generate_series(1, 100)")
}

// verifiedWhileOthersWrite takes and verifies a dump of a database into which the statements write all the time.
func verifiedWhileOthersWrite(t *testing.T, d *Archive, url string, statements ...string) {
	t.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				servertest.Admin(t, url, statements...)
			}
		}
	}()
	dump, archive := dumped1(t, d)
	close(stop)
	<-stopped
	if err := d.Verify(t.Context(), bytes.NewReader(archive), dump); err != nil {
		t.Errorf("the archive of a live database is refused: %v", err)
	}
}

func TestVerify_refuses_flipped_bits_and_cuts(t *testing.T) {
	url := servertest.Filled(t)
	d := opened(t, url)
	dump, archive := dumped1(t, d)
	random := rand.New(rand.NewPCG(1, 2))
	body := len(archive) / 5 // the table of contents is before; only the hash protects its texts
	for range 12 {
		bad := bytes.Clone(archive)
		at := body + random.IntN(len(bad)-body-2000)
		bad[at] ^= 1 << random.IntN(8)
		if err := d.Verify(t.Context(), bytes.NewReader(bad), dump); err == nil {
			t.Errorf("a flipped bit at %d of %d passes", at, len(bad))
		}
	}
	for _, at := range []int{0, 1, 4, 100, body, len(archive) / 2, len(archive) - 1000, len(archive) - 1} {
		if err := d.Verify(t.Context(), bytes.NewReader(archive[:at]), dump); err == nil {
			t.Errorf("a cut after %d of %d bytes passes", at, len(archive))
		}
	}
	t.Logf("archive of %d bytes, 12 flips and 8 cuts", len(archive))
}

func TestVerify_refuses_an_archive_that_holds_something_else(t *testing.T) {
	url := servertest.Filled(t)
	d := opened(t, url)
	dump, archive := dumped1(t, d)
	for name, change := range map[string]func(map[string]int64){
		"a row more":   func(m map[string]int64) { m["public.orders"]-- },
		"a table less": func(m map[string]int64) { m["public.other"] = 0 },
		"a table more": func(m map[string]int64) { delete(m, "public.empty") },
	} {
		was := dump.Tables
		dump.Tables = map[string]int64{}
		for k, v := range was {
			dump.Tables[k] = v
		}
		change(dump.Tables)
		if err := d.Verify(t.Context(), bytes.NewReader(archive), dump); err == nil {
			t.Errorf("%s passes", name)
		} else {
			t.Log(err)
		}
		dump.Tables = was
	}
	broken := io.MultiReader(bytes.NewReader(archive[:len(archive)/2]), failing{})
	if err := d.Verify(t.Context(), broken, dump); !errors.Is(err, errDisk) {
		t.Errorf("a store that fails in the middle gives %v", err)
	}
	if err := d.Verify(t.Context(), io.MultiReader(bytes.NewReader(archive), bytes.NewReader(make([]byte, 1<<20))),
		dump); err == nil {
		t.Error("an archive with something behind its end passes")
	}
}

var errDisk = errors.New("the disk is broken")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func TestDump_fails_when_pg_dump_is_killed_or_the_store_is_full(t *testing.T) {
	d := opened(t, servertest.Filled(t))
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := d.Dump(ctx, writer(func(p []byte) (int, error) { cancel(); return len(p), nil })); err == nil {
		t.Error("a dump that was stopped is a success")
	}
	if _, err := d.Dump(t.Context(), writer(func([]byte) (int, error) { return 0, errDisk })); !errors.Is(err,
		errDisk) {
		t.Errorf("a full store gives %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestDump_shows_the_password_in_no_argument_and_no_environment(t *testing.T) {
	d := opened(t, servertest.Filled(t))
	looked, children := false, 0
	_, err := d.Dump(t.Context(), writer(func(p []byte) (int, error) {
		if !looked {
			looked = true
			children = secretsIn(t, servertest.Password)
		}
		return len(p), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if children == 0 {
		t.Error("no pg_dump was seen, so nothing was looked at")
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), server.HiddenPrefix+"*")); len(left) > 0 {
		t.Errorf("password files are left: %v", left)
	}
}

// secretsIn looks through every process's arguments and environment and counts the pg_dump among them.
func secretsIn(t *testing.T, secret string) (dumps int) {
	t.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		argv, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if bytes.Contains(argv, []byte(secret)) || bytes.Contains(environ, []byte(secret)) {
			t.Errorf("the password stands in %s (%s)", dir, argv)
		}
		if bytes.Contains(argv, []byte("pg_dump\x00")) && len(environ) > 0 {
			dumps++
			if bytes.Contains(environ, []byte("PGPASSWORD")) ||
				!bytes.Contains(environ, []byte("PGPASSFILE=/proc/self/fd/")) {
				t.Errorf("pg_dump's environment is %q", environ)
			}
		}
	}
	return dumps
}
