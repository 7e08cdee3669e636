package sqlreview

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/sqlreview/rules"
)

// A new rule brings two files: testdata/rules/ID.sql, in which it finds something, and its page in docs/rules.
func TestRules_each_have_a_page_and_a_case_that_they_find(t *testing.T) {
	known := Rules()
	for _, a := range rules.Analyzers() {
		sql, err := os.ReadFile(filepath.Join("testdata", "rules", a.Rule.ID+".sql"))
		if err != nil {
			t.Errorf("rule %s has no case: %v", a.Rule.ID, err)
			continue
		}
		r := Review(Input{
			Files:   []File{{Name: a.Rule.ID + ".sql", SQL: sql}},
			Catalog: baseCatalog(), Policy: Policy{AssumeRows: 10_000_000},
		})
		if !containsRule(r, a.Rule.ID) {
			t.Errorf("rule %s does not find its case: %s", a.Rule.ID, rulesOf(r))
		}
		if _, err := os.Stat(filepath.Join("..", "..", "docs", "rules", a.Rule.ID+".md")); err != nil {
			t.Errorf("rule %s has no page: run go test ./internal/sqlreview -run Explain -update", a.Rule.ID)
		}
	}
	files, err := os.ReadDir(filepath.Join("testdata", "rules"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if id, _ := strings.CutSuffix(f.Name(), ".sql"); known[id].ID == "" {
			t.Errorf("testdata/rules/%s is the case of no rule", f.Name())
		}
	}
}
