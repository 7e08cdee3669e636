package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"fairlead/internal/assemble"
	"fairlead/internal/config"
	"fairlead/internal/sqlreview"
)

func TestManual_of_the_reviewer_has_examples_that_are_read(t *testing.T) {
	b, err := os.ReadFile("../../docs/review.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		var any map[string]any
		if err := yaml.Unmarshal([]byte(m[1]), &any); err != nil {
			t.Errorf("%s\n%v", m[1], err)
		}
		for key := range any {
			seen[key] = true
		}
		if _, ok := any["review"]; !ok {
			continue
		}
		file := filepath.Join(t.TempDir(), "fairlead.yaml")
		if err := os.WriteFile(file, []byte(m[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.LoadReview(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := assemble.ReviewPolicy(c)
		if err != nil || p.SmallRows != 100_000 || p.SmallBytes != 256<<20 ||
			p.Rules["index-not-concurrent"] != sqlreview.LevelWarn {
			t.Errorf("%+v, %v", p, err)
		}
	}
	for _, key := range []string{"review", "jobs", "repos"} {
		if !seen[key] {
			t.Errorf("there is no example with the key %s", key)
		}
	}
	for _, field := range []string{"verdict", "compatibility", "idempotent", "coverage", "plain_severity", "disproved",
		"silenced", "left_out", "unlisted", "traces"} {
		if !strings.Contains(string(b), "`"+field) {
			t.Errorf("the JSON field %s is not explained", field)
		}
	}
}
