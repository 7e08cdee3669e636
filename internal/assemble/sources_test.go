package assemble

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/config"
)

func TestSource_names_the_place_and_the_words_of_one_that_is_not_known(t *testing.T) {
	for word, says := range map[string]string{
		"fil":    `fairlead.yaml:3:21: release.source must be `,
		"github": "fairlead.yaml:3:21: release.source: github is not supported yet; use ",
	} {
		path := filepath.Join(t.TempDir(), "fairlead.yaml")
		text := "app: shop\nenvironment: production\nrelease:  {source:  " + word + "}\nledger: {path: l}\n" +
			"database: {url: postgres://h/d}\nbackup: {store: {kind: dir, path: b}}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, os.LookupEnv)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %s", word, err, says)
		}
		if _, err := Source(c, "release.json"); err != nil {
			t.Errorf("a release file that is named: %v", err)
		}
	}
}
