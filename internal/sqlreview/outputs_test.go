package sqlreview

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the pages of docs/rules anew")

func TestExplain_pages_in_the_manual_are_current(t *testing.T) {
	dir := "../../docs/rules"
	want := map[string]string{}
	index := "# Rules of the reviewer\n\nMade from the code: `go test ./internal/sqlreview -run Explain -update`. " +
		"`fairlead review --explain RULE` prints a page.\n\n| rule | severity | family |\n|---|---|---|\n"
	for _, id := range slices.Sorted(maps.Keys(Rules())) {
		page, _ := Explain(id)
		want[id+".md"] = page
		index += fmt.Sprintf("| [%s](%s.md) | %s | %s |\n", id, id, Rules()[id].Severity, Rules()[id].Family)
	}
	want["README.md"] = index
	if *update {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, page := range want {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	have, err := os.ReadDir(dir)
	if err != nil || len(have) != len(want) {
		t.Errorf("%s has %d pages, want %d: run go test ./internal/sqlreview -run Explain -update (%v)", dir, len(have),
			len(want), err)
	}
	for name, page := range want {
		if b, _ := os.ReadFile(filepath.Join(dir, name)); string(b) != page {
			t.Errorf("%s/%s is not what the code says: run go test ./internal/sqlreview -run Explain -update", dir,
				name)
		}
	}
}

// everything is a report with each kind of finding, a waived one and odd names.
func everything() Report {
	sql := "DROP TABLE orders;\n-- fairlead:allow drop-table reason=\"nobody has used it since 41\" " +
		"until=2027-01-31\nDROP TABLE customers;\n" +
		"CREATE INDEX \"i::error\n%0A\" ON tickets(id); DROP INDEX orders_state_idx; -- é"
	return Review(Input{Files: []File{{Name: "mig rations/a%b,c:d.sql", SQL: []byte(sql)}}, Catalog: baseCatalog(),
		Now: day("2026-11-24")})
}

func day(s string) time.Time {
	d, _ := time.Parse(time.DateOnly, s)
	return d
}

func TestSARIF_is_valid_by_the_published_schema(t *testing.T) {
	b, err := os.ReadFile("testdata/sarif/sarif-2.1.0-rtm.5.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Report{"everything": everything(), "nothing": Review(Input{})} {
		var out bytes.Buffer
		if err := SARIF(&out, r); err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range (validator{schema}).check(schema, doc, "$") {
			t.Errorf("%s: %s", name, wrong)
		}
		if n := strings.Count(out.String(), `"ruleId"`); n != len(r.Findings) {
			t.Errorf("%s: %d results for %d findings", name, n, len(r.Findings))
		}
	}
	if wrong := (validator{schema}).check(schema, map[string]any{"version": "2.1.0",
		"runs": []any{map[string]any{"results": "x"}}}, "$"); len(wrong) < 2 {
		t.Errorf("the validator finds only %v in a document with two mistakes", wrong)
	}
}

// validator is as much of JSON schema as that schema uses.
type validator struct{ root map[string]any }

func (v validator) check(schema map[string]any, doc any, at string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		definitions := v.root["definitions"].(map[string]any)
		return v.check(definitions[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any), doc, at)
	}
	var out []string
	say := func(format string, args ...any) { out = append(out, at+": "+fmt.Sprintf(format, args...)) }
	if typ, ok := schema["type"].(string); ok && !isType(typ, doc) {
		say("is no %s", typ)
		return out
	}
	equal := func(x any) bool { return reflect.DeepEqual(x, doc) }
	if enum, ok := schema["enum"].([]any); ok && !slices.ContainsFunc(enum, equal) {
		say("%v is none of %v", doc, enum)
	}
	for _, word := range []string{"oneOf", "anyOf"} {
		all, ok := schema[word].([]any)
		fits := 0
		for _, s := range all {
			if len(v.check(s.(map[string]any), doc, at)) == 0 {
				fits++
			}
		}
		if ok && (fits == 0 || word == "oneOf" && fits > 1) {
			say("fits %d of %s", fits, word)
		}
	}
	switch doc := doc.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for _, key := range list2(schema["required"]) {
			if _, ok := doc[key]; !ok {
				say("has no %s", key)
			}
		}
		for key, value := range doc {
			if p, ok := properties[key].(map[string]any); ok {
				out = append(out, v.check(p, value, at+"."+key)...)
			} else if more, ok := schema["additionalProperties"].(map[string]any); ok {
				out = append(out, v.check(more, value, at+"."+key)...)
			} else if schema["additionalProperties"] == false {
				say("has %s, which is not allowed", key)
			}
		}
	case []any:
		if least, ok := schema["minItems"].(float64); ok && len(doc) < int(least) {
			say("has %d items", len(doc))
		}
		for i := range doc {
			same := func(x any) bool { return reflect.DeepEqual(x, doc[i]) }
			if schema["uniqueItems"] == true && slices.ContainsFunc(doc[:i], same) {
				say("holds item %d twice", i)
			}
		}
		if items, ok := schema["items"].(map[string]any); ok {
			for i, value := range doc {
				out = append(out, v.check(items, value, fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	case string:
		if schema["format"] == "uri" || schema["format"] == "uri-reference" {
			if u, err := url.Parse(doc); err != nil || schema["format"] == "uri" && !u.IsAbs() {
				say("%q is no %s", doc, schema["format"])
			}
		}
		if p, ok := schema["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(doc) {
			say("%q does not match %s", doc, p)
		}
	case float64:
		if least, ok := schema["minimum"].(float64); ok && doc < least {
			say("%v is less than %v", doc, least)
		}
		if most, ok := schema["maximum"].(float64); ok && doc > most {
			say("%v is more than %v", doc, most)
		}
	}
	return out
}

func list2(v any) []string {
	var out []string
	all, _ := v.([]any)
	for _, x := range all {
		out = append(out, x.(string))
	}
	return out
}

func isType(typ string, doc any) bool {
	switch doc := doc.(type) {
	case map[string]any:
		return typ == "object"
	case []any:
		return typ == "array"
	case string:
		return typ == "string"
	case bool:
		return typ == "boolean"
	case float64:
		return typ == "number" || typ == "integer" && doc == float64(int(doc))
	}
	return false
}

func TestAnnotations_cannot_be_given_a_command_by_a_migration(t *testing.T) {
	var out bytes.Buffer
	if err := Annotations(&out, everything()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(everything().Findings)+1 {
		t.Errorf("%d lines for %d findings and a summary:\n%s", len(lines), len(everything().Findings), out.String())
	}
	want := "::error file=mig rations/a%25b%2Cc%3Ad.sql,line=1,col=1,title=fairlead drop-table::"
	if !strings.HasPrefix(lines[0], want) {
		t.Errorf("got  %s\nwant %s…", lines[0], want)
	}
	if !strings.HasPrefix(lines[1], "::notice ") {
		t.Errorf("a waived finding is %s", lines[1])
	}
}
