package sqlreview

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestText_shows_the_line_a_caret_and_the_safe_rewrite(t *testing.T) {
	sql := []byte("-- æ\n  SELECT 'æ'; CREATE INDEX i ON orders (state);\n")
	r := Review(Input{Files: []File{{Name: "m.sql", SQL: sql}}, Catalog: baseCatalog(),
		Policy: Policy{AssumeRows: 1 << 40}})
	var out strings.Builder
	if err := Text(&out, r, map[string][]byte{"m.sql": sql}); err != nil {
		t.Fatal(err)
	}
	want := `m.sql:2:33: block: building this index stops all writes to orders [index-not-concurrent]
  2 |   SELECT 'æ'; CREATE INDEX i ON orders (state);
    |                                 ^
`
	if !strings.HasPrefix(out.String(), want) || !strings.Contains(out.String(), "CREATE INDEX CONCURRENTLY") ||
		!strings.Contains(out.String(), "block: 1 block, 0 warn") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestMarkdown_quotes_what_comes_from_the_file(t *testing.T) {
	sql := []byte("DROP TABLE \"a`b\"; -- ```\n")
	r := Review(Input{Files: []File{{Name: "m`.sql", SQL: sql}}})
	var out strings.Builder
	if err := Markdown(&out, r, map[string][]byte{"m`.sql": sql}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "````sql\nDROP TABLE") || !strings.Contains(out.String(), "**incompatible**") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestReport_json_has_lists_where_others_rely_on_them(t *testing.T) {
	b, err := json.Marshal(Review(Input{Files: []File{{Name: "m.sql", SQL: []byte("SELECT 1")}}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"schema":"fairlead.review/v1"`, `"verdict":"pass"`, `"compatibility":"compatible"`,
		`"idempotent":"guarded"`,
		`"coverage":{"reviewed":1,"total":1}`, `"findings":[]`,
		`"claims":{"locks":[],"rewrites":[],"scans":[],"builds":[],"fails":""}`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}
