package configtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/backup/dir"
	"fairlead/internal/config"
	"fairlead/internal/database/postgres"
	"fairlead/internal/notify/slack"
	"fairlead/internal/notify/webhook"
	"fairlead/internal/target/compose"
)

var update = flag.Bool("update", false, "write the published schema and the manual's page anew")

const (
	schemaFile = "../../../docs/schema/fairlead.schema.json"
	manual     = "../../../docs/configuration.md"
	mark       = "<!-- from here on written by go test ./internal/config/configtest -update -->\n"
)

func TestSchema_is_published_as_the_program_reads_the_file(t *testing.T) {
	want, err := Schema(Owners(), Comments)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil || string(got) != string(want) {
		t.Errorf("%s is not what the program reads (%v); run this test with -update", schemaFile, err)
	}
}

func page(t *testing.T) (byHand, tables string) {
	t.Helper()
	b, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	byHand, tables, ok := strings.Cut(string(b), mark)
	if !ok {
		t.Fatalf("%s does not hold the line %q", manual, mark)
	}
	return byHand, tables
}

func TestManual_lists_every_key(t *testing.T) {
	want, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	byHand, got := page(t)
	if *update {
		if err := os.WriteFile(manual, []byte(byHand+mark+"\n"+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != "\n"+want {
		t.Errorf("%s is not what the program reads; run this test with -update", manual)
	}
}

func TestManual_shows_a_file_that_can_be_read(t *testing.T) {
	byHand, _ := page(t)
	_, example, ok := strings.Cut(byHand, "```yaml\n")
	if !ok {
		t.Fatal("there is no example")
	}
	example, _, _ = strings.Cut(example, "```")
	path := filepath.Join(t.TempDir(), "fairlead.yaml")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, func(string) (string, bool) { return "https://set.example", true })
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]config.Block{"database": c.Database, "store": c.Backup.Store, "target": c.Target,
		"slack": c.Record.Notify[0], "webhook": c.Record.Notify[1]}
	for name, into := range map[string]any{"database": &postgres.Config{}, "store": &dir.Config{},
		"target": &compose.Config{}, "slack": &slack.Config{}, "webhook": &webhook.Config{}} {
		if err := blocks[name].Decode(into); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
