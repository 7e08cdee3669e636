package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/source"
)

const sql = "ALTER TABLE orders ADD COLUMN note text;\n"

var digest = "sha256:" + strings.Repeat("ab", 32)

func text(tag, image, migration string) string {
	return fmt.Sprintf(`{"schema": "fairlead.release/v1", "app": "shop", "tag": %q,
 "commit": "0123456789abcdef0123456789abcdef01234567", "run_id": "9123456", "run_attempt": 1, "verified_in": "staging",
 "images": {"api": %q}, "migration": %s}`, tag, image, migration)
}

func withSQL(file string) string {
	return fmt.Sprintf(`{"file": %q, "sha256": %q}`, file, release.SumDigest([]byte(sql)).Hex())
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind_gives_release_and_exact_SQL(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "release.json"), text("v1.8.0", "reg.example/o/api@"+digest,
		withSQL("sql/m.sql")))
	write(t, filepath.Join(dir, "sql/m.sql"), sql)
	for _, tag := range []string{"v1.8.0", ""} {
		f, err := New(path).Find(context.Background(), tag)
		if err != nil {
			t.Fatal(err)
		}
		if string(f.SQL) != sql || f.Release.Tag != "v1.8.0" || f.From != path ||
			f.Claims.Strength() != source.Asserted {
			t.Errorf("got %+v", f)
		}
	}
}

func TestFind_gives_no_SQL_when_the_release_says_none(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "release.json"), text("v1", "reg.example/o/api@"+digest, "null"))
	f, err := New(path).Find(context.Background(), "v1")
	if err != nil || f.SQL != nil || f.Release.Migration != nil {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestFind_takes_the_tag_of_a_directory(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "v1/release.json"), text("v1", "r.example/api@"+digest, "null"))
	write(t, filepath.Join(dir, "v2.json"), text("v2", "r.example/api@"+digest, "null"))
	for _, tag := range []string{"v1", "v2"} {
		if f, err := New(dir).Find(context.Background(), tag); err != nil || f.Release.Tag != tag {
			t.Errorf("%s: got %+v, %v", tag, f, err)
		}
	}
	for _, tag := range []string{"v3", "../v1", "", "."} {
		if _, err := New(dir).Find(context.Background(), tag); !errors.Is(err, source.ErrNotFound) {
			t.Errorf("%q: got %v", tag, err)
		}
	}
}

func TestFind_refuses_with_three_parts(t *testing.T) {
	good := "reg.example/o/api@" + digest
	for name, c := range map[string]struct {
		arrange func(t *testing.T, dir string)
		code    fault.Code
		outcome fault.Outcome
		want    string
	}{
		"no file": {func(t *testing.T, dir string) {}, "release-not-found", fault.Misused,
			"there is no such release"},
		"another tag": {func(t *testing.T, dir string) { rel(t, dir, text("v2", good, "null")) },
			"release-not-found", fault.Misused, "holds v2, not v1"},
		"an empty file": {func(t *testing.T, dir string) { rel(t, dir, "") }, "release-unreadable", fault.Misused,
			"it is empty"},
		"a truncated file": {func(t *testing.T, dir string) { rel(t, dir, text("v1", good, "null")[:150]) },
			"release-invalid", fault.Misused, "it ends too early"},
		"an unknown key": {func(t *testing.T, dir string) { rel(t, dir, `{"schemas": 1}`) }, "release-invalid",
			fault.Misused, "schemas"},
		"a tag for a digest": {func(t *testing.T, dir string) { rel(t, dir, text("v1", "reg.example/api:v1", "null")) },
			"release-unpinned", fault.Refused,
			"must be pinned to a digest"},
		"no migration key": {func(t *testing.T, dir string) {
			rel(t, dir, strings.Replace(text("v1", good, "null"), `, "migration": null`, "", 1))
		}, "release-invalid", fault.Misused, `"migration" is missing`},
		"2 GB": {func(t *testing.T, dir string) {
			rel(t, dir, "{")
			if err := os.Truncate(filepath.Join(dir, "release.json"), 2<<30); err != nil {
				t.Fatal(err)
			}
		}, "release-unreadable", fault.Misused, "larger than 1 MiB"},
		"a pipe": {func(t *testing.T, dir string) {
			if err := syscall.Mkfifo(filepath.Join(dir, "release.json"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "release-unreadable", fault.Misused, "not a regular file"},
		"no SQL": {func(t *testing.T, dir string) { rel(t, dir, text("v1", good, withSQL("m.sql"))) },
			"migration-unreadable", fault.Refused, "no such file"},
		"other SQL": {func(t *testing.T, dir string) {
			rel(t, dir, text("v1", good, withSQL("m.sql")))
			write(t, filepath.Join(dir, "m.sql"), sql+" ")
		}, "migration-mismatch", fault.Refused, "is not the one of the release"},
		"SQL outside": {func(t *testing.T, dir string) { rel(t, dir, text("v1", good, withSQL("../m.sql"))) },
			"migration-unreadable", fault.Refused, "outside the folder"},
		"SQL by an absolute path": {func(t *testing.T, dir string) {
			rel(t, dir,
				text("v1", good, withSQL("/etc/passwd")))
		}, "migration-unreadable", fault.Refused,
			"outside the folder"},
		"a link that leads out": {func(t *testing.T, dir string) {
			rel(t, dir, text("v1", good, withSQL("m.sql")))
			outside := write(t, filepath.Join(t.TempDir(), "m.sql"), sql)
			if err := os.Symlink(outside, filepath.Join(dir, "m.sql")); err != nil {
				t.Fatal(err)
			}
		}, "migration-unreadable", fault.Refused, "escapes"},
		"SQL that is a pipe": {func(t *testing.T, dir string) {
			rel(t, dir, text("v1", good, withSQL("m.sql")))
			if err := syscall.Mkfifo(filepath.Join(dir, "m.sql"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "migration-unreadable", fault.Refused, "not a regular file"},
		"SQL of 17 MiB": {func(t *testing.T, dir string) {
			rel(t, dir, text("v1", good, withSQL("m.sql")))
			write(t, filepath.Join(dir, "m.sql"), sql)
			if err := os.Truncate(filepath.Join(dir, "m.sql"), 17<<20); err != nil {
				t.Fatal(err)
			}
		}, "migration-unreadable", fault.Refused, "larger than 16 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.arrange(t, dir)
			start := time.Now()
			_, err := New(filepath.Join(dir, "release.json")).Find(context.Background(), "v1")
			f, ok := fault.Find(err)
			if !ok || f.Code != c.code || f.Outcome != c.outcome || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v (%+v)\nwant %s %s: %s", err, f, c.code, c.outcome, c.want)
			}
			if f.Means == "" || len(f.Do) == 0 {
				t.Errorf("parts are missing: %+v", f)
			}
			if time.Since(start) > time.Second {
				t.Errorf("took %s", time.Since(start))
			}
		})
	}
}

func rel(t *testing.T, dir, content string) { write(t, filepath.Join(dir, "release.json"), content) }
