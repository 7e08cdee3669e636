package slack

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fairlead/internal/config"
	"fairlead/internal/notify"
)

var update = flag.Bool("update", false, "write the golden files anew")

func message() notify.Message {
	d := func(c string) string { return "sha256:" + strings.Repeat(c, 64) }
	return notify.Message{Run: "r-20261124-203015-7f3a", Action: "deploy", Outcome: "asking", App: "shop",
		Environment: "production", Tag: "v1.8.0",
		Production: "The migration is applied; api runs the new image & is <not> healthy.",
		Commit:     "0123456789abcdef0123456789abcdef01234567",
		At:         time.Date(2026, 11, 24, 20, 30, 15, 0, time.UTC),
		Images: []notify.Image{{Service: "api", Now: d("a"), Previous: d("b")},
			{Service: "worker", Now: d("c"), Previous: d("c")}, {Service: "web", Now: d("d")}},
		Migration: "applied", Backup: "20261124T203015Z-shop.dump", ApprovedBy: "nobody (two-person team)",
		DeployedBy: "ana@laptop",
		Do:         []string{"fairlead status", "fairlead rollback"}}
}

func TestEncode_writes_the_facts_of_the_runbook(t *testing.T) {
	b, err := Encode(message())
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	got, _ := json.MarshalIndent(v, "", "  ")
	const golden = "testdata/asking.json"
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEncode_stays_within_the_limits_of_Slack_whatever_the_message(t *testing.T) {
	m := message()
	long := strings.Repeat("<é&", 20_000)
	m.Tag, m.Production, m.Migration, m.ApprovedBy, m.Do = long, long, long, long, []string{long, long}
	for range 100 {
		m.Images = append(m.Images, notify.Image{Service: long[:50], Now: long[:100], Previous: "x"})
	}
	b, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Text   string
		Blocks []struct {
			Type     string
			Text     struct{ Text string }
			Fields   []struct{ Text string }
			Elements []struct{ Text string }
		}
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	most := map[string]int{"header": maxHeader, "section": maxSection}
	total := utf8.RuneCountInString(v.Text)
	for _, b := range v.Blocks {
		n := utf8.RuneCountInString(b.Text.Text)
		total += n
		if m := most[b.Type]; n > m && m > 0 {
			t.Errorf("%s has %d characters, at most %d are allowed", b.Type, n, m)
		}
		for _, f := range append(b.Fields, b.Elements...) {
			total += utf8.RuneCountInString(f.Text)
			if len(b.Fields) > 10 || utf8.RuneCountInString(f.Text) > 2000 {
				t.Errorf("a field has %d characters", utf8.RuneCountInString(f.Text))
			}
		}
	}
	if len(v.Blocks) > 50 || total > 13_000 {
		t.Errorf("%d blocks, %d characters", len(v.Blocks), total)
	}
}

func TestTitle_says_how_it_ended(t *testing.T) {
	for _, c := range []struct{ action, outcome, want string }{
		{"deploy", "deployed", "✅ shop v1.8.0 in production: deployed"},
		{"rollback", "deployed", "✅ shop v1.8.0 in production: rolled back as asked"},
		{"deploy", "rolled-back", "↩️ shop v1.8.0 in production: failed, rolled back automatically"},
		{"deploy", "failed-unchanged", "✖️ shop v1.8.0 in production: failed, nothing changed"},
		{"deploy", "asking", "🚨 shop v1.8.0 in production: a person must decide"},
		{"deploy", "unknown", "❓ shop v1.8.0 in production: unknown"},
	} {
		m := message()
		m.Action, m.Outcome = c.action, c.outcome
		if got := Title(m); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

type recorder struct{ to string }

func (r *recorder) Post(_ context.Context, to string, _ http.Header, _ []byte) error {
	r.to = to
	return nil
}

func TestNotifier_has_a_name_without_the_secret(t *testing.T) {
	r := &recorder{}
	n, err := New(Config{URL: config.NewSecret("https://hooks.example/T0/geheim")}, r)
	if err != nil {
		t.Fatal(err)
	}
	if n.Name() != "slack hooks.example" {
		t.Errorf("got %s", n.Name())
	}
	if err := n.Notify(context.Background(), message()); err != nil || r.to != "https://hooks.example/T0/geheim" {
		t.Errorf("got %q, %v", r.to, err)
	}
	if _, err := New(Config{URL: config.NewSecret("geheim")}, r); err == nil ||
		strings.Contains(err.Error(), "geheim") {
		t.Errorf("got %v", err)
	}
}
