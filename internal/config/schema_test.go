package config

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"testing"
)

const published = "../../docs/schema/fairlead.schema.json"

func TestSchema_as_published_agrees_with_the_struct(t *testing.T) {
	b, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	agree(t, reflect.TypeFor[Config](), got, "")
}

// agree compares keys, required keys, words and strictness; the inside of Blocks belongs to their owners.
func agree(t *testing.T, typ reflect.Type, schema map[string]any, name string) {
	t.Helper()
	if schema["additionalProperties"] != false {
		t.Errorf("%q: the schema allows unknown keys, the program does not", name)
	}
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	left := len(properties)
	for _, f := range Keys(typ) {
		p, ok := properties[f.Name].(map[string]any)
		if !ok {
			t.Errorf("%s is not in the schema; run go test ./internal/config/configtest -update", dotted(name, f.Name))
			continue
		}
		left--
		if slices.Contains(required, any(f.Name)) != f.Required {
			t.Errorf("%s: required is %v in the struct", dotted(name, f.Name), f.Required)
		}
		var words []string
		for _, w := range list(p["enum"]) {
			words = append(words, w.(string))
		}
		// the words of release.source are known where sources are introduced
		if !slices.Equal(words, f.Enum) && dotted(name, f.Name) != "release.source" {
			t.Errorf("%s: words %v in the schema, %v in the struct", dotted(name, f.Name), words, f.Enum)
		}
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
			p, _ = p["items"].(map[string]any)
		}
		if one := list(p["oneOf"]); len(one) == 2 && inner.Kind() == reflect.Struct { // a bare word, or the mapping
			p, _ = one[1].(map[string]any)
		}
		if inner.Kind() == reflect.Struct && !IsLeaf(inner) {
			agree(t, inner, p, dotted(name, f.Name))
		}
	}
	if left != 0 {
		t.Errorf("%q: the schema has %d keys that the struct has not", name, left)
	}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
