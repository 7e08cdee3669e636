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
	for _, f := range fieldsOf(typ) {
		p, ok := properties[f.name].(map[string]any)
		if !ok {
			t.Errorf("%s is not in the schema; run go test ./internal/config/configtest -update", dotted(name, f.name))
			continue
		}
		left--
		if slices.Contains(required, any(f.name)) != f.required {
			t.Errorf("%s: required is %v in the struct", dotted(name, f.name), f.required)
		}
		var words []string
		for _, w := range list(p["enum"]) {
			words = append(words, w.(string))
		}
		if !slices.Equal(words, f.enum) {
			t.Errorf("%s: words %v in the schema, %v in the struct", dotted(name, f.name), words, f.enum)
		}
		inner := f.typ
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
			p, _ = p["items"].(map[string]any)
		}
		if one := list(p["oneOf"]); len(one) == 2 && inner.Kind() == reflect.Struct { // a bare word, or the mapping
			p, _ = one[1].(map[string]any)
		}
		if inner.Kind() == reflect.Struct && !isLeaf(inner) {
			agree(t, inner, p, dotted(name, f.name))
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

func TestSchema_holds_what_owners_say_of_their_blocks(t *testing.T) {
	type dir struct {
		Path Path `yaml:"path,required"`
	}
	b, err := Schema(map[string]map[string]any{"backup.store": {"dir": dir{}}})
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Properties struct {
			Backup struct {
				Properties struct {
					Store struct {
						Properties map[string]any
						Required   []string
					}
				}
			}
		}
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	store := s.Properties.Backup.Properties.Store
	if store.Properties["path"] == nil || store.Properties["kind"] == nil || !slices.Equal(store.Required, []string{"kind", "path"}) {
		t.Errorf("got %+v", store)
	}
}
