package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fairlead/internal/config"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/source"
	"fairlead/internal/source/file"
)

// maxPlan is the largest plan file that is read, in bytes.
const maxPlan = 1 << 20

// find gets the release that the arguments name: by its tag from the configured source, from a release file, or the one of a plan
// file, whose terms it gives too.
func find(ctx context.Context, c config.Config, what, path string) (source.Found, wanted, error) {
	var want wanted
	tag := what
	if isPlanFile(what) {
		t, err := readPlan(what)
		if err != nil {
			return source.Found{}, want, err
		}
		want, tag = wanted{path: what, terms: &t}, t.Tag
	}
	if tag == "" && path == "" {
		return source.Found{}, want, usagef("name a release: a TAG, a PLANFILE, or --release FILE")
	}
	if path == "" {
		path = c.Release.Path.String()
	}
	found, err := file.New(path).Find(ctx, tag)
	return found, want, err
}

// isPlanFile tells a plan file from a tag: a tag holds no slash and does not end in .json.
func isPlanFile(s string) bool {
	return strings.HasSuffix(s, ".json") || strings.ContainsRune(s, filepath.Separator)
}

// wanted is the plan that was approved on paper; without terms any plan will do.
type wanted struct {
	path  string
	terms *engine.Terms
}

// same refuses a plan that is not the one of the file.
func (w wanted) same(t engine.Terms) error {
	if w.terms == nil {
		return nil
	}
	was, err := w.terms.Fingerprint()
	if err != nil {
		return err
	}
	is, err := t.Fingerprint()
	if err != nil {
		return err
	}
	if was == is {
		return nil
	}
	return &fault.Fault{Code: "plan-changed", What: fmt.Sprintf("the plan made now is not the one of %s", w.path), Outcome: fault.Refused,
		Means: "production is unchanged; nothing was attempted", Err: errors.New(engine.Difference(*w.terms, t)),
		Do: []fault.Command{{Line: fmt.Sprintf("fairlead plan %s -o %s", t.Tag, quote(w.path)), Why: "writes the plan as it is now, to be looked at again"}}}
}

func readPlan(path string) (engine.Terms, error) {
	var t engine.Terms
	f, err := os.Open(path)
	if err != nil {
		return t, badPlan(path, err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return t, badPlan(path, errors.Join(err, errors.New("it is not a regular file")))
	}
	d := json.NewDecoder(io.LimitReader(f, maxPlan))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return t, badPlan(path, err)
	}
	if t.Schema != engine.TermsSchema || t.Action != engine.Deploy || t.Tag == "" {
		return t, badPlan(path, fmt.Errorf("it is no plan of a deployment in the layout %s", engine.TermsSchema))
	}
	return t, nil
}

func badPlan(path string, err error) error {
	return &fault.Fault{Code: "plan-unreadable", What: fmt.Sprintf("the plan file %s cannot be used", path), Err: err, Outcome: fault.Misused,
		Means: "nothing was attempted; production is unchanged",
		Do:    []fault.Command{{Line: "fairlead plan TAG -o " + quote(path), Why: "writes one"}}}
}

// quote makes a word safe to paste into a shell.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:=") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
