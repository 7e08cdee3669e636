package assemble

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/config"
	"fairlead/internal/sqlreview"
)

func reviewConfig(t *testing.T, text string) config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fairlead.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.LoadReview(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReviewPolicy_is_what_the_file_says(t *testing.T) {
	p, err := ReviewPolicy(reviewConfig(t,
		"review: {small_rows: 0, small_mib: 2, trace: lowers, rules: {drop-index: off, drop-table: block}}\n"))
	if err != nil || p.SmallRows != -1 || p.SmallBytes != 2<<20 || !p.TraceLowers ||
		p.Rules["drop-index"] != sqlreview.LevelOff {
		t.Errorf("%+v, %v", p, err)
	}
	for text, says := range map[string]string{
		"review: {rules: {drop-table: off}}\n": "1:30: review.rules.drop-table: drop-table is about lost data: " +
			"it can be block, and nothing less",
		"review: {rules: {rename-column: warn}}\n":   "rename-column is about the running image",
		"review: {rules: {unreviewable: info}}\n":    "unreviewable is about what cannot be reviewed",
		"review: {rules: {index-concurrent: off}}\n": `there is no rule "index-concurrent"`,
	} {
		if _, err := ReviewPolicy(reviewConfig(t, text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: it says %v, want %q", text, err, says)
		}
	}
}
