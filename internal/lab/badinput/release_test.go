//go:build real

package badinput

import (
	"os"
	"path/filepath"
	"strings"
)

func releaseCases() []refusal {
	digest := func(a *attempt) string {
		_, d, _ := strings.Cut(a.site.next.Images["api"], "@")
		return d
	}
	return []refusal{
		{"a tag instead of a digest", func(a *attempt) { a.spoil("release.json", "@"+digest(a), ":v1.1.0") }, 3,
			"release-unpinned", "api"},
		{"a digest that the registry does not have", func(a *attempt) {
			a.spoil("release.json", digest(a), "sha256:"+strings.Repeat("ab", 32))
		}, 3, "image-missing", "abababab"},
		{"a migration with another sha256", func(a *attempt) { a.spoil("migration.sql", "phone", "fax") }, 3,
			"migration-mismatch", "sha256"},
		{"a migration that is not there", func(a *attempt) {
			a.spoil("release.json", `"migration.sql"`, `"other.sql"`)
		}, 3, "migration-unreadable", "other.sql"},
		{"a migration outside of its folder", func(a *attempt) {
			a.spoil("release.json", `"migration.sql"`, `"../../../etc/passwd"`)
		}, 3, "migration-unreadable", "outside"},
		{"a release of another app", func(a *attempt) { a.spoil("release.json", `"badfiles",`, `"other",`) }, 3,
			"release-of-another-app", "other"},
		{"a tag that is not there", func(a *attempt) { a.args = []string{"deploy", "v9.9.9", "--yes"} }, 1,
			"release-not-found", "v9.9.9"},
		{"an empty release.json", func(a *attempt) { a.file("") }, 1, "release-unreadable", "empty"},
		{"a truncated release.json", func(a *attempt) {
			text, err := os.ReadFile(a.site.next.File)
			must(a.T, err)
			a.file(string(text[:len(text)/2]))
		}, 1, "release-invalid", ""},
		{"a release.json of 2 GB", func(a *attempt) {
			a.file("{")
			must(a.T, os.Truncate(a.args[2], 2<<30))
		}, 1, "release-unreadable", "larger than"},
		{"a folder instead of a file", func(a *attempt) {
			dir := filepath.Join(a.TempDir(), "release.json")
			must(a.T, os.Mkdir(dir, 0o755))
			a.deployFrom(dir)
		}, 1, "release-not-found", ""},
		{"a release.json without a word about the migration", func(a *attempt) {
			a.spoil("release.json", `"migration": {`, `"migrations": {`)
		}, 1, "release-invalid", "migration"},
		{"an image of which the commit is another", func(a *attempt) {
			a.spoil("release.json", a.site.next.Commit, strings.Repeat("0123456789", 4))
		}, 3, "image-mislabelled", ""},
	}
}

// file deploys from a release.json with this text.
func (a *attempt) file(text string) {
	a.Helper()
	f := filepath.Join(a.TempDir(), "release.json")
	a.write(f, text)
	a.deployFrom(f)
}
