//go:build postgres

package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/lab/smalldisk"
)

// directed opens a database whose dumps are in the directory format, by two sessions, with scratch below the folder
// that it gives.
func directed(t *testing.T, url string, change ...func(*server.Config)) (*Archive, string) {
	t.Helper()
	d, scratch := opened(t, url, change...), t.TempDir()
	d.server.Session.DirectoryJobs, d.server.Session.Scratch = 2, scratch
	t.Cleanup(func() {
		if left, _ := os.ReadDir(scratch); len(left) > 0 {
			t.Errorf("scratch is left: %v", left)
		}
	})
	return d, scratch
}

func TestDirectory_is_dumped_verified_and_restored_like_a_custom_dump(t *testing.T) {
	url := servertest.Filled(t)
	servertest.Admin(t, url, `CREATE INDEX ON public.orders (id)`)
	d, _ := directed(t, url)
	dump, archive := dumped1(t, d)
	custom, _ := dumped1(t, opened(t, url))
	if dump.Format != database.FormatDirectory || len(dump.Tables) != len(custom.Tables) ||
		dump.Tables["public.orders"] != 20000 {
		t.Errorf("the description is %+v", dump)
	}
	first, err := tar.NewReader(bytes.NewReader(archive)).Next()
	if err != nil || first.Name != "toc.dat" {
		t.Errorf("it begins with %+v, %v", first, err)
	}
	if err := d.Verify(t.Context(), bytes.NewReader(archive), dump); err != nil {
		t.Fatalf("a good archive is refused: %v", err)
	}
	told := filepath.Join(t.TempDir(), "told")
	d.server.Config.PgDump = servertest.Wrapper(t, `exec "$real" "$@"`)
	restorer := filepath.Join(filepath.Dir(d.server.Config.PgDump.String()), "pg_restore")
	if err := os.Rename(restorer, restorer+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(restorer, []byte("#!/bin/sh\necho \"$@\" >> "+told+"\nexec "+restorer+".real \"$@\"\n"),
		0o755); err != nil {
		t.Fatal(err)
	}
	name := d.server.Base.Database + "_new"
	t.Cleanup(func() {
		servertest.Admin(t, servertest.Server.URL("owner", "postgres"), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	})
	if err := d.CreateDatabase(t.Context(), database.NewDatabase{Name: name, Locale: dump.Locale}); err != nil {
		t.Fatal(err)
	}
	if err := d.Restore(t.Context(), name, bytes.NewReader(archive), database.RestoreOptions{Format: dump.Format,
		Dumper: dump.Dumper, Owners: true, Analyze: true}); err != nil {
		t.Fatal(err)
	}
	if err := d.Compare(t.Context(), name, dump); err != nil {
		t.Error(err)
	}
	if args, _ := os.ReadFile(told); !strings.Contains(string(args), "--jobs=2") {
		t.Errorf("pg_restore was told %q", args)
	}
}

func TestDirectory_counts_in_the_snapshot_of_all_its_sessions(t *testing.T) {
	url := servertest.Filled(t)
	d, _ := directed(t, url)
	verifiedWhileOthersWrite(t, d, url, "INSERT INTO public.orders SELECT 1, 'x' FROM generate_series(1, 100)",
		"INSERT INTO public.empty VALUES (1)")
}

func TestDirectory_with_the_hash_catches_every_flip_and_every_cut(t *testing.T) {
	url := servertest.Filled(t)
	servertest.Admin(t, url, `TRUNCATE public.orders`, `INSERT INTO public.orders SELECT n, md5(n::text) ||
		' and some text ' || n % 17 FROM generate_series(1, 3000) n`)
	d, _ := directed(t, url)
	for name, plain := range map[string]bool{"gzip 1": false, "uncompressed, as it is inside zstd": true} {
		d.server.Session.PlainArchive = plain
		dump, good := dumped1(t, d)
		if err := d.Verify(t.Context(), bytes.NewReader(good), dump); err != nil {
			t.Fatalf("%s: the good archive is refused: %v", name, err)
		}
		random := rand.New(rand.NewPCG(7, 11))
		spoil := func(n int, how func() []byte) (hash, read int) {
			for range n {
				bad := how()
				seen := sha256.New()
				if d.Verify(context.Background(), io.TeeReader(bytes.NewReader(bad), seen), dump) != nil {
					read++
				} else if whole := sha256.Sum256(good); bytes.Equal(seen.Sum(nil), whole[:]) {
					t.Errorf("%s: what was spoilt passes the default level", name)
				}
				if sha256.Sum256(bad) != sha256.Sum256(good) {
					hash++
				}
			}
			return hash, read
		}
		flips, cuts := spoilings("FAIRLEAD_FLIPS", 25), spoilings("FAIRLEAD_CUTS", 12)
		hash, read := spoil(flips, func() []byte {
			bad := bytes.Clone(good)
			bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
			return bad
		})
		cutHash, cutRead := spoil(cuts, func() []byte { return good[:random.IntN(len(good))] })
		t.Logf("%s, %d bytes\n\tflips: hash %d of %d, reading and comparing alone %d\n\tcuts:  hash %d of %d, "+
			"reading and comparing alone %d", name, len(good), hash, flips, read, cutHash, cuts, cutRead)
		if hash < flips || cutHash < cuts || cutRead < cuts {
			t.Errorf("%s: not everything was caught", name)
		}
	}
}

func TestDirectory_of_a_lying_pg_dump_never_passes(t *testing.T) {
	url := servertest.Filled(t)
	const file = `dir=; for a; do case $a in --file=*) dir=${a#--file=};; esac; done; `
	for name, script := range map[string]string{
		"it fails after all files":          `"$real" "$@"; exit 1`,
		"it writes nothing and ends with 0": `exit 0`,
		"it leaves a table out":             `exec "$real" "$@" --exclude-table=public.orders`,
		"it leaves the rows of a table out": `exec "$real" "$@" --exclude-table-data=public.orders`,
		"it leaves large objects out":       `exec "$real" "$@" --no-blobs`,
		"a file of rows is missing":         file + `"$real" "$@"; rm $(ls -S $dir/*.dat.gz | head -1)`,
		"a file of rows is cut": file + `"$real" "$@"; f=$(ls -S $dir/*.dat.gz | head -1); ` +
			`truncate -s -900 $f`,
		"a file is a link":                      file + `"$real" "$@"; ln -s /etc/passwd $dir/9.dat`,
		"it writes one file, in another format": `exec "$real" "${@/--format=directory/--format=custom}" --jobs=1`,
		"it is killed in the middle":            file + `"$real" "$@" & sleep 0.1; kill -9 $!; kill -9 $$`,
	} {
		d, _ := directed(t, url, func(c *server.Config) { c.PgDump = servertest.Wrapper(t, script) })
		neverPasses(t, d, name)
	}
}

func TestDirectory_fails_on_a_scratch_disk_that_fills_and_says_so(t *testing.T) {
	url := servertest.Filled(t)
	small, good := opened(t, url), opened(t, url)
	good.server.Session.DirectoryJobs, good.server.Session.Scratch = 2, t.TempDir()
	dump, archive := dumped1(t, good)
	small.server.Session.DirectoryJobs, small.server.Session.Scratch = 2, t.TempDir()
	smalldisk.Mount(t, small.server.Session.Scratch, 100<<10)
	var out bytes.Buffer
	if _, err := small.Dump(t.Context(), &out); err == nil || !strings.Contains(err.Error(),
		"No space left on device") || out.Len() > 0 {
		t.Errorf("a dump gives %v and %d bytes", err, out.Len())
	}
	if err := small.Verify(t.Context(), bytes.NewReader(archive), dump); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("verifying gives %v", err)
	}
	if left, _ := os.ReadDir(small.server.Session.Scratch); len(left) > 0 {
		t.Errorf("scratch is left: %v", left)
	}
	if place, free, err := small.Workspace(); err != nil || place != small.server.Session.Scratch || free > 100<<10 {
		t.Errorf("%s has %d bytes free, %v", place, free, err)
	}
}

func TestDirectory_leaves_nothing_when_it_is_stopped_or_the_store_is_full(t *testing.T) {
	url := servertest.Filled(t)
	servertest.Admin(t, url, `INSERT INTO public.orders SELECT n, md5(n::text) FROM generate_series(1, 500000) n`)
	d, scratch := directed(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if all, _ := filepath.Glob(filepath.Join(scratch, "*", "dump", "*.dat.gz")); len(all) > 0 {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if _, err := d.Dump(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("a dump that was stopped gives %v", err)
	}
	if _, err := d.Dump(t.Context(), writer(func([]byte) (int, error) { return 0, errDisk })); !errors.Is(err,
		errDisk) {
		t.Errorf("a full store gives %v", err)
	}
	for range 100 {
		if servertest.Ask[int](t, url, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "+
			"'pg_dump%' AND datname = current_database()") == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("sessions of pg_dump go on")
}

func TestDirectory_is_dumped_and_restored_through_a_host_by_several_sessions(t *testing.T) {
	url := servertest.Filled(t)
	d, _ := directed(t, url, servertest.ViaSSH)
	dump, archive := dumped1(t, d)
	name := d.server.Base.Database + "_new"
	t.Cleanup(func() {
		servertest.Admin(t, servertest.Server.URL("owner", "postgres"), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	})
	if err := errors.Join(d.Verify(t.Context(), bytes.NewReader(archive), dump), d.CreateDatabase(t.Context(),
		database.NewDatabase{Name: name, Locale: dump.Locale})); err != nil {
		t.Fatal(err)
	}
	if err := d.Restore(t.Context(), name, bytes.NewReader(archive), database.RestoreOptions{Format: dump.Format,
		Dumper: dump.Dumper, Owners: true}); err != nil {
		t.Fatal(err)
	}
	if err := d.Compare(t.Context(), name, dump); err != nil {
		t.Error(err)
	}
}
