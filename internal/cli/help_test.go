package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestHelp_texts_belong_to_commands(t *testing.T) {
	described := map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Long != "" {
			described[strings.ReplaceAll(pathOf(c), " ", "-")+".txt"] = true
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&app{}).root())
	files, err := helpTexts.ReadDir("help")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !described[f.Name()] {
			t.Errorf("no command is described by %s", f.Name())
		}
	}
	for _, name := range []string{"deploy.txt", "migrate-apply.txt", "release-write.txt"} {
		if !described[name] {
			t.Errorf("%s describes nothing", name)
		}
	}
}
