package operate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"fairlead/internal/assemble"
	"fairlead/internal/config"
	"fairlead/internal/source"
	"fairlead/internal/sqlreview"
	"fairlead/internal/sqltext"
	"fairlead/internal/step"
)

const (
	// maxReviewBytes is how much SQL one call reads, all files together.
	maxReviewBytes = 256 << 20
	// largeReview is how much SQL is reviewed without an eye on memory.
	largeReview = 3 << 20
)

// A ReviewRequest is what a review is asked for with.
type ReviewRequest struct {
	Files    []string // names and patterns
	Rows     int64    // that every table is taken to have; 0: as the catalog says
	Sequence bool     // the files run one after the other
	Catalog  string   // a file
	Database string   // whose catalog is read: a URL, env:NAME or "config"
	Waivers  string   // the file; "" is the one beside the configuration
	Trace    string   // a scratch database in which the files are tried, too
}

// WaiverFile is the file of waivers that a call uses.
func (w Workplace) WaiverFile(named string) string {
	if named != "" {
		return named
	}
	return filepath.Join(w.StateDir(), "waivers.json")
}

// StateDir is the folder beside the configuration.
func (w Workplace) StateDir() string { return filepath.Join(filepath.Dir(w.ConfigPath), ".fairlead") }

// ReviewInput reads everything that a review looks at.
func (w Workplace) ReviewInput(ctx context.Context, r ReviewRequest, now time.Time) (sqlreview.Input, error) {
	in := sqlreview.Input{Now: now}
	c, err := config.LoadReview(w.ConfigPath) // without a configuration the policy is the strict one
	if err != nil {
		return in, err
	}
	if in.Policy, err = assemble.ReviewPolicy(c); err != nil {
		return in, err
	}
	in.Policy.AssumeRows, in.Policy.Sequence = r.Rows, r.Sequence
	names, err := matched(r.Files)
	if err != nil {
		return in, err
	}
	total := 0
	for _, name := range names {
		sql, err := readSQL(name)
		if err != nil {
			return in, Misused("review: %w", err)
		}
		if total += len(sql); total > maxReviewBytes {
			return in, Misused("review: the files have more than %d MiB together; review them in parts",
				maxReviewBytes>>20)
		}
		in.Files = append(in.Files, sqlreview.File{Name: name, SQL: sql})
	}
	if in.Waivers, err = assemble.ReadWaivers(w.WaiverFile(r.Waivers)); err != nil {
		return in, Misused("--waivers: %w", err)
	}
	in.Catalog, err = w.Catalog(ctx, r.Catalog, r.Database)
	return in, err
}

// readSQL reads a migration. One that is too large is cut just above the limit, so that the review refuses it with a
// place.
func readSQL(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	most := int64(max(source.MaxSQL, sqltext.MaxBytes)) + 1
	b := bytes.NewBuffer(make([]byte, 0, min(st.Size(), most)+bytes.MinRead))
	_, err = b.ReadFrom(io.LimitReader(f, most))
	return b.Bytes(), err
}

// matched gives the files that names and patterns stand for; those of one pattern in order.
func matched(names []string) ([]string, error) {
	var all []string
	for _, name := range names {
		_, err := os.Stat(name)
		if err == nil || !strings.ContainsAny(name, "*?[") {
			all = append(all, name)
			continue
		}
		found, err := filepath.Glob(name)
		switch {
		case err != nil:
			return nil, Misused("review: %s: %w", name, err)
		case len(found) == 0:
			return nil, Misused("review: no file is named like %s", name)
		}
		all = append(all, found...)
	}
	return all, nil
}

// Review reviews what was read and, when a scratch database is named, tries the files there, one after the other.
// Without another catalog the scratch database's own is taken, as it is before.
func (w Workplace) Review(ctx context.Context, r ReviewRequest, in sqlreview.Input) (sqlreview.Report, error) {
	if r.Trace == "" {
		return sqlreview.Review(in), nil
	}
	at, err := w.databaseURL("--trace", r.Trace)
	if err != nil {
		return sqlreview.Report{}, err
	}
	copied, err := assemble.CatalogAt(ctx, at)
	if err != nil {
		return sqlreview.Report{}, err
	}
	same := sqlreview.SameShape(in.Catalog, copied)
	if in.Catalog == nil {
		in.Catalog = copied
	}
	in.Policy.Sequence = in.Policy.Sequence || len(in.Files) > 1
	for i, f := range in.Files {
		script, _ := sqltext.Parse(f.SQL) // once, for the review and the trial
		in.Files[i].Script = &script
	}
	report := sqlreview.Review(in)
	for _, f := range in.Files {
		if report.Coverage.Reviewed == 0 || len(f.Script.Problems) > 0 {
			return report, nil // what cannot be read is not tried
		}
		t, err := assemble.TraceAt(ctx, at, *f.Script)
		if err != nil {
			return report, err
		}
		t.SameShape = same
		report = sqlreview.WithTrace(report, f.Name, t)
	}
	return report, nil
}

// TuneMemory sets how the process collects garbage while it reviews, and gives what sets it back: rarely for many small
// files, which is faster, and within a bound for large ones.
func TuneMemory(files []sqlreview.File) func() {
	total := 0
	for _, f := range files {
		total += len(f.SQL)
	}
	percent, limit := 400, int64(math.MaxInt64)
	if total > largeReview {
		percent, limit = 25, int64(64<<20+2*total)
	}
	percent, limit = debug.SetGCPercent(percent), debug.SetMemoryLimit(limit)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// LeadNote writes the note for the engineering lead about a migration that was refused into a folder, and says where it
// is; "" where there is nothing to write.
func LeadNote(dir string, b *step.Blocked) (path string, err error) {
	if len(b.Report.Files) == 0 {
		return "", nil
	}
	var note strings.Builder
	if err := sqlreview.Markdown(&note, b.Report, Sources(b)); err != nil {
		return "", nil
	}
	path = filepath.Join(dir, fmt.Sprintf("review-%.12s.md", b.Report.Files[0].SHA256))
	if err = os.MkdirAll(dir, 0o755); err == nil {
		err = os.WriteFile(path, []byte(note.String()), 0o644)
	}
	return path, err
}

// Sources gives the SQL that a report is about, by the names that it uses.
func Sources(b *step.Blocked) map[string][]byte {
	all := map[string][]byte{}
	for _, f := range b.Report.Files {
		all[f.Name] = b.SQL
	}
	return all
}

// maxCatalogFile is how large a catalog may be as a file.
const maxCatalogFile = 64 << 20

// A Workplace is what commands without a project need of where they run.
type Workplace struct {
	ConfigPath string
	Env        func(string) (string, bool)
	Warn       func(text string)
}

// Catalog gives the catalog that a call names: a file, a database, or none (nil).
func (w Workplace) Catalog(ctx context.Context, file, database string) (*sqlreview.Catalog, error) {
	switch {
	case file != "" && database != "":
		return nil, Misused("--catalog and --database: name one of them")
	case file != "":
		b, err := ReadFile(file, maxCatalogFile)
		if err != nil {
			return nil, Misused("--catalog %s: %w", file, err)
		}
		c, err := sqlreview.DecodeCatalog(b)
		if err != nil {
			return nil, Misused("--catalog %s: %w", file, err)
		}
		return c, nil
	case database == "":
		return nil, nil
	case database == "config":
		c, err := config.Load(w.ConfigPath, w.Env)
		if err != nil {
			return nil, err
		}
		return assemble.CatalogOf(ctx, c)
	}
	at, err := w.databaseURL("--database", database)
	if err != nil {
		return nil, err
	}
	return assemble.CatalogAt(ctx, at)
}

// databaseURL reads a URL from an argument: itself, or env:NAME. A password among the arguments is seen by everybody on
// the machine.
func (w Workplace) databaseURL(flag, value string) (config.Secret, error) {
	if name, ok := strings.CutPrefix(value, "env:"); ok {
		v, set := w.Env(name)
		if !set || v == "" {
			return config.Secret{}, Misused("%s env:%s: the variable %s is not set", flag, name, name)
		}
		return config.NewSecret(v), nil
	}
	if u, err := url.Parse(value); err == nil {
		if _, password := u.User.Password(); password {
			w.Warn("warning: " + flag + " holds a password, and other users of this machine can see arguments; " +
				flag + " env:NAME reads the URL from a variable")
		}
	}
	return config.NewSecret(value), nil
}
