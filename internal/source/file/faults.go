package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/source"
)

// unchanged is what every fault of a source means.
const unchanged = "nothing was attempted; production is unchanged"

func missing(path, tag string) error {
	what := fmt.Sprintf("a release file was looked for at %s", path)
	if tag != "" {
		what = fmt.Sprintf("release %s was looked for at %s", tag, path)
	}
	return &fault.Fault{Code: "release-not-found", What: what, Means: unchanged, Err: source.ErrNotFound,
		Outcome: fault.Misused,
		Do: []fault.Command{{Line: "fairlead deploy --release PATH", Why: "names the file"},
			{Line: "fairlead release write --help", Why: "makes one from digests"}}}
}

func otherTag(path, want, got string) error {
	return &fault.Fault{Code: "release-not-found", What: fmt.Sprintf("%s holds %s, not %s", path, got, want),
		Means: unchanged, Err: source.ErrNotFound, Outcome: fault.Misused,
		Do: []fault.Command{{Line: "fairlead plan " + got, Why: "shows what that release would do"},
			{Line: "fairlead deploy --release PATH", Why: "names another file"}}}
}

func unreadable(path string, err error) error {
	return &fault.Fault{Code: "release-unreadable", What: fmt.Sprintf("%s cannot be read", path), Means: unchanged,
		Err: plain(err), Outcome: fault.Misused, Do: []fault.Command{{Line: "ls -l " + fault.Word(path),
			Why: "a release file has about 1 KB; fetch it again"}}}
}

func unusable(path string, err error) error {
	f := &fault.Fault{Code: "release-invalid", What: fmt.Sprintf("%s cannot be used", path), Means: unchanged,
		Err: readable{err}, Outcome: fault.Misused,
		Do: []fault.Command{{Line: "fairlead release write --help",
			Why: "makes a correct one; a truncated file must be fetched again"}}}
	if errors.Is(err, release.ErrTag) || errors.Is(err, release.ErrNotADigest) {
		f.Code, f.Outcome = "release-unpinned", fault.Refused
		f.Do = []fault.Command{{Line: "fairlead release write --help",
			Why: "write the digests that staging tested; a tag can move"}}
	}
	return f
}

// readable is an error of the parser in the words of the file's author.
type readable struct{ error }

// Error leaves out who says it, and the parser's own words for types.
func (r readable) Error() string {
	var wrong *json.UnmarshalTypeError
	text := strings.TrimPrefix(strings.TrimPrefix(r.error.Error(), "release file: "), "release: ")
	if !errors.As(r.error, &wrong) {
		return strings.Replace(text, "json: unknown field", "unknown key", 1)
	}
	at, _, _ := strings.Cut(text, "json:")
	kind := wrong.Type.Kind().String()
	switch kind {
	case "string":
		kind = "text"
	case "int", "int64":
		kind = "a whole number"
	case "map", "struct":
		kind = "an object"
	}
	return fmt.Sprintf("%s%s must be %s, it is %s", at, wrong.Field, kind, wrong.Value)
}

// Unwrap gives the parser's error.
func (r readable) Unwrap() error { return r.error }

func noSQL(path string, err error) error {
	return &fault.Fault{Code: "migration-unreadable", What: fmt.Sprintf("the migration %s cannot be read", path),
		Means: unchanged, Err: err,
		Outcome: fault.Refused, Do: []fault.Command{{Line: "ls -lL " + fault.Word(path),
			Why: "it must be a regular file beside the release file, at most 16 MiB"}}}
}

func otherSQL(path, want, got string, size int) error {
	return &fault.Fault{Code: "migration-mismatch", What: fmt.Sprintf("the migration %s is not the one of the "+
		"release: sha256 %s (%d bytes), the release names %s", path, got, size, want),
		Means: unchanged, Outcome: fault.Refused,
		Do: []fault.Command{{Line: "sha256sum " + fault.Word(path),
			Why: "compare; fetch release file and migration again from the same run"}}}
}
