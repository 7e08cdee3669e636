//go:build postgres

package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

// spoilings is how many archives are spoiled; FAIRLEAD_FLIPS and FAIRLEAD_CUTS take more.
func spoilings(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// A spoiled archive, and which level caught it.
type caught struct{ trials, list, full, l1, l2 int }

func (c caught) String() string {
	share := func(n int) string { return fmt.Sprintf("%d of %d", n, c.trials) }
	return fmt.Sprintf("pg_restore --list %s, reading it whole %s, hash (L1) %s, contents and rows (L2 without the "+
		"hash) %s", share(c.list), share(c.full), share(c.l1), share(c.l2))
}

func TestVerify_with_the_hash_catches_every_flip_and_every_cut(t *testing.T) {
	url := servertest.Filled(t)
	servertest.Admin(t, url, `TRUNCATE public.orders`, `INSERT INTO public.orders SELECT n, md5(n::text) ||
		' and some text ' || n % 17 FROM generate_series(1, 3000) n`)
	d := opened(t, url)
	for name, archive := range map[string]func() (database.Dump, []byte){
		"gzip 1":                                func() (database.Dump, []byte) { return dumped1(t, d) },
		"gzip 6, which fairlead does not write": func() (database.Dump, []byte) { return recompressed(t, d, "6") },
		"uncompressed, as it is inside zstd":    func() (database.Dump, []byte) { return recompressed(t, d, "0") },
	} {
		dump, good := archive()
		if err := d.Verify(t.Context(), bytes.NewReader(good), dump); err != nil {
			t.Fatalf("%s: the good archive is refused: %v", name, err)
		}
		random := rand.New(rand.NewPCG(7, 11))
		flips, cuts := caught{}, caught{}
		for range spoilings("FAIRLEAD_FLIPS", 25) {
			bad := bytes.Clone(good)
			bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
			flips.look(t, d, dump, good, bad)
		}
		for range spoilings("FAIRLEAD_CUTS", 12) {
			cuts.look(t, d, dump, good, good[:random.IntN(len(good))])
		}
		t.Logf("%s, %d bytes\n\tflips: %s\n\tcuts:  %s", name, len(good), flips, cuts)
		for what, c := range map[string]caught{"flips": flips, "cuts": cuts} {
			if c.l1 < c.trials {
				t.Errorf("%s: the hash missed %d %s", name, c.trials-c.l1, what)
			}
			if name == "gzip 1" && what == "cuts" && c.l2 < c.trials {
				t.Errorf("%s: reading and counting missed %d %s", name, c.trials-c.l2, what)
			}
		}
	}
}

// recompressed dumps once more with another compression; the rows are those of the first dump.
func recompressed(t *testing.T, d *Archive, level string) (database.Dump, []byte) {
	t.Helper()
	again := *d
	again.server.Config.PgDump = servertest.Wrapper(t, `exec "$real" "$@" --compress=`+level)
	return dumped1(t, &again)
}

func (c *caught) look(t *testing.T, d *Archive, dump database.Dump, good, bad []byte) {
	t.Helper()
	c.trials++
	for _, p := range []struct {
		hit  *int
		args string
	}{{&c.list, "--list"}, {&c.full, "--file=/dev/null"}} {
		cmd := exec.CommandContext(t.Context(), servertest.Server.Bin+"/pg_restore", p.args)
		cmd.Stdin = bytes.NewReader(bad)
		if cmd.Run() != nil {
			*p.hit++
		}
	}
	if sha256.Sum256(bad) != sha256.Sum256(good) {
		c.l1++
	}
	if d.Verify(context.Background(), bytes.NewReader(bad), dump) != nil {
		c.l2++
	}
}

func TestDump_of_a_lying_pg_dump_never_passes(t *testing.T) {
	url := servertest.Filled(t)
	for name, script := range map[string]string{
		"it ends early with 0":                  `"$real" "$@" | head -c 40000; exit 0`,
		"it fails after all bytes":              `"$real" "$@"; exit 1`,
		"it writes nothing and ends with 0":     `exit 0`,
		"it leaves a table out":                 `exec "$real" "$@" --exclude-table=public.orders`,
		"it leaves the rows of a table out":     `exec "$real" "$@" --exclude-table-data=public.orders`,
		"it dumps the schema alone":             `exec "$real" "$@" --schema-only`,
		"it leaves large objects out":           `exec "$real" "$@" --no-blobs`,
		"it leaves indexes and constraints out": `exec "$real" "$@" --section=pre-data --section=data`,
		"it writes another format":              `exec "$real" "${@/--format=custom/--format=tar}"`,
		"it writes SQL":                         `"$real" "${@/--format=custom/--format=plain}" --compress=0`,
		"it is killed in the middle": `("$real" "$@" & echo $! > pid; wait $!) | (head -c 30000; kill ` +
			`-9 $(cat pid)); kill -9 $$`,
	} {
		d := opened(t, url, func(c *server.Config) { c.PgDump = servertest.Wrapper(t, "cd $(dirname $0)\n"+script) })
		servertest.Admin(t, url, `CREATE INDEX IF NOT EXISTS orders_id ON public.orders (id)`)
		neverPasses(t, d, name)
	}
}

// neverPasses holds that a dump fails, or at the latest its verification.
func neverPasses(t *testing.T, d *Archive, name string) {
	t.Helper()
	var out bytes.Buffer
	dump, err := d.Dump(t.Context(), &out)
	if err == nil {
		err = d.Verify(t.Context(), &out, dump)
	}
	if err == nil {
		t.Errorf("%s: it passes", name)
	}
	t.Logf("%s: %v", name, err)
}

func TestDump_names_who_holds_the_table(t *testing.T) {
	url := servertest.Filled(t)
	defer hold(t, url, "SET application_name = 'a nightly job'; LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE")()
	d := opened(t, url, func(c *server.Config) {
		c.PgDump = servertest.Wrapper(t, `exec "$real" "${@/--lock-wait-timeout=10s/--lock-wait-timeout=300ms}"`)
	})
	_, err := d.Dump(t.Context(), &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "a table was locked by somebody else") ||
		!strings.Contains(err.Error(), "held by") || !strings.Contains(err.Error(), "a nightly job") {
		t.Errorf("it says %v", err)
	}
	t.Log(err)
}

// hold keeps a transaction open on a statement until its answer is called.
func hold(t *testing.T, url, sql string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(context.Background(), "BEGIN; "+sql); err != nil {
		t.Fatal(err)
	}
	return func() { _ = conn.Close(context.Background()) }
}
