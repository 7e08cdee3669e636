//go:build postgres

package trace

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"fairlead/internal/database/postgres/catalog"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
)

// replayed is what became of one file of a history.
type replayed struct {
	report sqlreview.Report
	trace  sqlreview.Trace
	failed string
	heavy  bool // it did table-size work on what was there before, under a lock that stops somebody
}

func replay(t *testing.T, url, name string, sql []byte) replayed {
	t.Helper()
	ctx := context.Background()
	d := opened(t, url)
	c, err := catalog.New(d).Catalog(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r := replayed{report: sqlreview.Review(sqlreview.Input{Files: []sqlreview.File{{Name: name, SQL: sql}},
		Catalog: c})}
	script, err := sqltext.Parse(sql)
	if err != nil {
		r.failed = err.Error()
		return r
	}
	tr, err := newTracer(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.close(ctx)
	if r.trace.Statements, err = tr.apply(ctx, script); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, o := range r.trace.Statements {
		r.observe(o)
	}
	return r
}

// observe notes what one statement did.
func (r *replayed) observe(o sqlreview.Observed) {
	if o.Claims.Fails != "" {
		r.failed = o.Claims.Fails
	}
	work := len(o.Claims.Rewrites)+len(o.Claims.Builds) > 0 || len(o.Claims.Scans) > 0 &&
		strings.HasPrefix(o.Kind, "ALTER") || strings.HasPrefix(o.Kind, "DO") && len(o.Claims.Scans) > 0
	if o.Kind == "UPDATE" { // every row is written while the lock of a statement before stops others
		work = work || slices.ContainsFunc(o.Held, func(l sqlreview.Lock) bool {
			return slices.Contains(o.Claims.Scans,
				l.Relation)
		})
	}
	for _, l := range append(o.Claims.Locks, o.Held...) {
		switch l.Mode {
		case "ACCESS EXCLUSIVE", "EXCLUSIVE", "SHARE ROW EXCLUSIVE", "SHARE":
			r.heavy = r.heavy || work && !o.Blind
		}
	}
}

func TestHistories_are_blocked_only_for_what_the_server_shows_or_for_loss(t *testing.T) {
	files, _ := filepath.Glob(oracleFiles + "histories/*.txtar")
	if len(files) != 3 {
		t.Fatalf("there are %d histories, want 3", len(files))
	}
	families := sqlreview.Rules()
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		history := txtar.Parse(b).Files
		if len(history) < 40 {
			t.Errorf("%s has %d files, want 40", path, len(history))
		}
		url := servertest.Fresh(t)
		passed, blocked, failed, statements, differ := 0, 0, 0, 0, 0
		for _, f := range history {
			r := replay(t, url, f.Name, f.Data)
			blocks := r.report.Verdict == sqlreview.Block
			var why []string
			for _, x := range r.report.Findings {
				family := families[x.Rule].Family
				if x.Severity == sqlreview.SeverityBlock && family != sqlreview.FamilyLoss &&
					family != sqlreview.FamilyCompatibility {
					why = append(why, x.Rule+": "+x.Message)
				}
			}
			if r.failed == "" && !r.heavy && len(why) > 0 {
				t.Errorf("%s %s is taken without a table-size lock, and blocked: %s\n%s", filepath.Base(path), f.Name,
					strings.Join(why, "; "), f.Data[:min(len(f.Data), 600)])
			}
			if r.failed != "" && !blocks {
				t.Errorf("%s %s passes, and the server says %s", filepath.Base(path), f.Name, r.failed)
			}
			d := sqlreview.Compare(r.report, r.trace)
			statements += len(r.trace.Statements)
			differ += len(d)
			for _, x := range d {
				t.Logf("%s %s: %s", filepath.Base(path), f.Name, x)
			}
			switch {
			case r.failed != "":
				failed++
			case blocks:
				blocked++
			default:
				passed++
			}
		}
		t.Logf("%s: %d files, %d pass, %d are blocked, %d fail on the server; %d statements, %d disagreements",
			filepath.Base(path), len(history), passed, blocked, failed, statements, differ)
	}
}
