//go:build postgres

package trace

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"fairlead/internal/database/postgres/catalog"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// histories are to be replayed: go test -tags real -run TestHistory ./internal/database/postgres -history DIR[,DIR…]
var histories = flag.String("history", "", "directories of migrations that TestHistory replays, separated by commas")

// undo recognises files that take a migration back.
var undo = regexp.MustCompile(`(?i)(^|[/._-])(down|undo|revert|rollback)\.sql$`)

// tally is what became of a history.
type tally struct {
	files, passed, shown, lost, failed int
	// blocked although the server takes it; fails: and passed, and blocked for something else, and claimed
	wrong, missed, unclaimed, foreseen []string
	unread, statements, differ         int
}

func (c tally) String() string {
	return fmt.Sprintf("%d files: %d pass, %d are blocked for what the server shows, %d for loss or compatibility, "+
		"%d fail; wrongly blocked %d, failed but passed %d, failure not claimed %d; statements %d, not reviewed %d, "+
		"disagreements %d",
		c.files, c.passed, c.shown, c.lost, c.failed, len(c.wrong), len(c.missed), len(c.unclaimed), c.statements,
		c.unread, c.differ)
}

// migrationsIn lists a history in the order of its names, without what takes migrations back.
func migrationsIn(dir string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".sql") && !undo.MatchString(path) {
			out = append(out, path)
		}
		return err
	})
	slices.Sort(out)
	return out, err
}

// apply gives a file to the server: by units, so that it can be watched, or in one piece when its units are not known.
func (r *replayed) apply(ctx context.Context, d *server.Server, sql []byte) error {
	tr, err := newTracer(ctx, d)
	if err != nil {
		return err
	}
	defer tr.close(ctx)
	script, err := sqltext.Parse(sql)
	if err != nil {
		_, err := tr.conn.PgConn().Exec(ctx, strings.TrimPrefix(string(sql), "\ufeff")).ReadAll()
		var pg *pgconn.PgError
		if errors.As(err, &pg) {
			r.failed, err = pg.Message, nil
		}
		return err
	}
	r.trace.Statements, err = tr.apply(ctx, script)
	for _, o := range r.trace.Statements {
		r.observe(o)
	}
	return err
}

// replayDir reviews each file against the catalog as it is, then applies it.
func replayDir(t *testing.T, dir string, files []string) tally {
	t.Helper()
	var c tally
	ctx, families, url := context.Background(), sqlreview.Rules(), servertest.Fresh(t)
	d := opened(t, url)
	for _, path := range files {
		sql, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		catalog, err := catalog.New(d).Catalog(ctx)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(dir, path)
		r := replayed{report: sqlreview.Review(sqlreview.Input{Files: []sqlreview.File{{Name: name, SQL: sql}},
			Catalog: catalog, Policy: sqlreview.Policy{AssumeRows: 1e7}})}
		if err := r.apply(ctx, d, sql); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		c.count(name, r, families)
		for _, x := range sqlreview.Compare(r.report, r.trace) {
			c.differ++
			t.Logf("disagreement: %s: %s", name, x)
		}
	}
	return c
}

func (c *tally) count(name string, r replayed, families map[string]sqlreview.Rule) {
	c.files++
	c.statements += r.report.Coverage.Total
	c.unread += r.report.Coverage.Total - r.report.Coverage.Reviewed
	var why []string
	loss, claimed := false, false
	for _, s := range r.report.Statements {
		claimed = claimed || s.Claims.Fails != ""
	}
	for _, f := range r.report.Findings {
		if f.Severity != sqlreview.SeverityBlock {
			continue
		}
		switch families[f.Rule].Family {
		case sqlreview.FamilyLoss, sqlreview.FamilyCompatibility:
			loss = true
		default:
			why = append(why, fmt.Sprintf("%s (line %d): %s", f.Rule, f.Line, f.Message))
		}
	}
	switch {
	case r.failed != "":
		c.failed++
		switch {
		case r.report.Verdict != sqlreview.Block:
			c.missed = append(c.missed, name+": "+r.failed)
		case !claimed:
			c.unclaimed = append(c.unclaimed, name+": "+r.failed)
		default:
			c.foreseen = append(c.foreseen, name+": "+r.failed)
		}
	case claimed, len(why) > 0 && !r.heavy:
		c.wrong = append(c.wrong, name+": "+strings.Join(why, "; "))
	case len(why) > 0:
		c.shown++
	case loss:
		c.lost++
	default:
		c.passed++
	}
}

func TestHistory_of_a_directory_is_judged_by_the_server(t *testing.T) {
	if dirs := *histories; dirs != "" {
		for _, dir := range strings.Split(dirs, ",") {
			files, err := migrationsIn(dir)
			if err != nil || len(files) == 0 {
				t.Fatalf("%s: %d files, %v", dir, len(files), err)
			}
			c := replayDir(t, dir, files)
			for what, all := range map[string][]string{"wrongly blocked": c.wrong, "failed but passed": c.missed,
				"failure not claimed": c.unclaimed, "failure foreseen": c.foreseen} {
				for _, x := range all {
					t.Logf("%s: %s", what, x)
				}
			}
			t.Logf("%s: %s", dir, c)
			if len(c.wrong)+len(c.missed) > 0 {
				t.Errorf("%s: %d files are wrongly blocked, %d fail and pass", dir, len(c.wrong), len(c.missed))
			}
		}
		return
	}
	dir := t.TempDir()
	for name, sql := range map[string]string{
		"1/up.sql": "CREATE TABLE a(i int PRIMARY KEY, v text);", "1/down.sql": "DROP TABLE nowhere;",
		"2/up.sql": "CREATE INDEX a_v ON a(v);", // the server shows it
		"3/up.sql": "ALTER TABLE a DROP COLUMN v;",
		"4/up.sql": "ALTER TABLE a ADD COLUMN i int;", // fails, and is claimed
		"5/up.sql": "ALTER TABLE a ADD COLUMN j int;",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755),
			os.WriteFile(filepath.Join(dir, name), []byte(sql), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := migrationsIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := replayDir(t, dir, files)
	if c.files != 5 || c.passed != 2 || c.shown != 1 || c.lost != 1 || c.failed != 1 || len(c.wrong)+len(c.missed)+
		len(c.unclaimed)+c.unread+c.differ != 0 {
		t.Errorf("%s: %q %q %q", c, c.wrong, c.missed, c.unclaimed)
	}
}
