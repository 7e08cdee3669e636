package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReview_is_read_strictly_alone_and_with_the_whole_file(t *testing.T) {
	for claim, c := range map[string]struct {
		text, says string
		rows       int64
		level      string
	}{
		"nothing":            {"", "", 100_000, ""},
		"a limit and a rule": {"review: {small_rows: 5, rules: {drop-index: off}}", "", 5, "off"},
		"no table is small":  {"review: {small_rows: 0}", "", 0, ""},
		"a limit below zero": {"review: {small_rows: -1}", "1:22: review.small_rows must not be below 0", 0, ""},
		"a size of nothing":  {"review: {small_mib: 0}", "review.small_mib must be between 1 and", 0, ""},
		"another key": {"review: {smal_rows: 5}",
			`unknown key "smal_rows" under review; did you mean "small_rows"?`, 0, ""},
		"a level that is none": {"review: {rules: {drop-index: wrn}}",
			`1:30: review.rules.drop-index must be off, info, warn or block, got "wrn"; did you mean "warn"?`, 0, ""},
		"a trace that does nothing": {"review: {trace: hides}", `review.trace must be marks or lowers`, 0, ""},
		"a rule that stands twice":  {"review: {rules: {a: off, a: off}}", "stands twice", 0, ""},
	} {
		file := filepath.Join(t.TempDir(), "fairlead.yaml")
		if err := os.WriteFile(file, []byte(c.text+"\napp: a\nenvironment: e\nledger: {kind: dir, path: l}\n"),
			0o600); err != nil {
			t.Fatal(err)
		}
		whole, err := Load(file, func(string) (string, bool) { return "", false })
		alone, err2 := LoadReview(file)
		for _, err := range []error{err, err2} {
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) || c.says == "" && err != nil {
				t.Errorf("%s: it says %v, want %q", claim, err, c.says)
			}
		}
		if c.says != "" {
			continue
		}
		for _, r := range []Review{whole.Review, alone.Review} {
			if r.SmallRows != c.rows || r.Rules["drop-index"] != c.level || r.SmallMiB != 256 || r.Trace != "marks" {
				t.Errorf("%s: %+v", claim, r)
			}
		}
	}
}

func TestLoadReview_asks_for_nothing_else(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fairlead.yaml")
	if err := os.WriteFile(file, []byte("review: {small_rows: 7}\ndatabase: {url: \"${NOT_SET}\"}\nnonsense: 1\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := LoadReview(file); err != nil || c.Review.SmallRows != 7 {
		t.Errorf("%+v, %v", c.Review, err)
	}
	if c, err := LoadReview(file + ".none"); err != nil || c.Review.SmallRows != 100_000 {
		t.Errorf("without a file: %+v, %v", c.Review, err)
	}
	if err := os.WriteFile(file, []byte("review: {"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadReview(file); err == nil {
		t.Error("a file that is cut off was read")
	}
}
