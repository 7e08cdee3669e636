package sqlreview

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// labelled is one line of testdata/cases/cases.tsv.
type labelled struct{ file, verdict, rule, reason string }

func cases(t *testing.T) []labelled {
	t.Helper()
	b, err := os.ReadFile("testdata/cases/cases.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out []labelled
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		f := strings.Split(line, "\t")
		if len(f) < 4 {
			t.Fatalf("cases.tsv: %q", line)
		}
		out = append(out, labelled{f[0], f[1], f[2], f[3]})
	}
	return out
}

func caseSQL(t *testing.T, file string) []byte {
	t.Helper()
	sql, err := os.ReadFile(filepath.Join("testdata/cases", file))
	if err != nil {
		t.Fatal(err)
	}
	return sql
}

func toJSON(t *testing.T, r Report) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func reviewCase(t *testing.T, file string, c *Catalog) Report {
	t.Helper()
	sql := caseSQL(t, file)
	return Review(Input{Files: []File{{Name: file, SQL: sql}}, Catalog: c, Policy: Policy{AssumeRows: 10_000_000}})
}

func rulesOf(r Report) string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, string(f.Severity)+":"+f.Rule)
	}
	return strings.Join(out, " ")
}

func TestReview_of_the_labelled_cases_with_a_catalog(t *testing.T) {
	var hit, miss, alarm, safe, rule, reviewed, total int
	for _, c := range cases(t) {
		r := reviewCase(t, c.file, baseCatalog())
		reviewed, total = reviewed+r.Coverage.Reviewed, total+r.Coverage.Total
		blocks := r.Verdict == Block
		switch {
		case c.verdict == "unsafe" && blocks:
			hit++
			if strings.Contains(rulesOf(r), "block:"+c.rule) {
				rule++
			} else {
				t.Logf("%s blocks, but not for %s: %s", c.file, c.rule, rulesOf(r))
			}
		case c.verdict == "unsafe":
			miss++
			t.Errorf("%s passes (%s): %s", c.file, rulesOf(r), c.reason)
		case c.verdict == "safe" && blocks:
			alarm++
			t.Errorf("%s blocks (%s): %s", c.file, rulesOf(r), c.reason)
		case c.verdict == "safe":
			safe++
			if r.Verdict != Pass {
				t.Logf("%s is safe and warns: %s", c.file, rulesOf(r))
			}
		}
	}
	t.Logf("precision %.3f, recall %.3f, right rule %d of %d, coverage %d of %d statements",
		float64(hit)/float64(max(hit+alarm, 1)), float64(hit)/float64(max(hit+miss, 1)), rule, hit, reviewed, total)
	if hit < 34 || safe < 22 {
		t.Errorf("%d unsafe files block and %d safe files pass; the corpus has more", hit, safe)
	}
}

func TestReview_lets_no_unsafe_case_pass_without_a_catalog(t *testing.T) {
	blocked := 0
	for _, c := range cases(t) {
		r := reviewCase(t, c.file, nil)
		if c.verdict == "unsafe" && r.Verdict != Block {
			t.Errorf("%s passes without a catalog (%s): %s", c.file, rulesOf(r), c.reason)
		}
		if c.verdict == "safe" && r.Verdict == Block {
			blocked++
			t.Logf("%s is safe, and blocked for want of a catalog: %s", c.file, rulesOf(r))
		}
	}
	t.Logf("%d safe files are blocked for want of a catalog", blocked)
}
