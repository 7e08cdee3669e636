package configtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"fairlead/internal/config"
)

// Schema gives the JSON schema (2020-12) of fairlead.yaml. owners gives the structs that Blocks are decoded into, by
// dotted key and kind: "target" → {"compose": compose.Config{}}, "database" → {"": postgres.Config{}}, "record.notify"
// → {…}. A Block without owners allows any keys. docs gives what the keys of a struct mean, by the names of its fields.
func Schema(owners map[string]map[string]any, docs func(reflect.Type) map[string]string) ([]byte, error) {
	s := schemer{owners: owners, docs: docs}
	root := s.structure(reflect.TypeFor[config.Config](), "")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "fairlead.yaml"
	root["dependentRequired"] = map[string]any{"target": []string{"approval", "health"}}
	root["anyOf"] = []any{map[string]any{"required": []string{"target"}},
		map[string]any{"required": []string{"ledger"}}}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return b.Bytes(), nil
}

type schemer struct {
	owners map[string]map[string]any
	docs   func(reflect.Type) map[string]string
}

func (s schemer) structure(t reflect.Type, name string) map[string]any {
	filled := reflect.New(t).Elem()
	config.FillDefaults(filled)
	properties := map[string]any{}
	var required []string
	docs := s.docs(t)
	for _, f := range config.Keys(t) {
		p := s.value(f.Type, dotted(name, f.Name), f)
		p["description"] = docs[t.Field(f.Index).Name]
		if d, ok := plain(filled.Field(f.Index)); ok && !f.Required {
			p["default"] = d
		}
		properties[f.Name] = p
		if f.Required {
			required = append(required, f.Name)
		}
	}
	o := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func (s schemer) value(t reflect.Type, name string, f config.Key) map[string]any {
	switch {
	case t == reflect.TypeFor[config.Block]():
		return s.block(name, f.Kind)
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case t == reflect.TypeFor[config.Secret](), t == reflect.TypeFor[config.Expandable](),
		t == reflect.TypeFor[config.Path]():
		return map[string]any{"type": "string", "$comment": "${NAME} is replaced by the environment's value"}
	case t.Kind() == reflect.String || config.IsLeaf(t):
		o := map[string]any{"type": "string"}
		if words := append(f.Enum, slices.Sorted(maps.Keys(s.owners[name]))...); len(words) > 0 {
			o["enum"] = words
		}
		return o
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		return map[string]any{"type": "integer"}
	case t.Kind() == reflect.Pointer:
		return s.value(t.Elem(), name, f)
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": s.value(t.Elem(), name, f)}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.value(t.Elem(), name, f)}
	}
	o := s.structure(t, name)
	if short, ok := config.Shorthand(config.Keys(t)); ok {
		return map[string]any{"oneOf": []any{s.value(short.Type, dotted(name, short.Name), short), o}}
	}
	return o
}

func (s schemer) block(name string, needsKind bool) map[string]any {
	open := map[string]any{"type": "object"}
	if needsKind {
		open["properties"] = map[string]any{"kind": map[string]any{"type": "string"}}
		open["required"] = []string{"kind"}
	}
	owners := s.owners[name]
	if len(owners) == 0 {
		return open
	}
	var kinds []string
	for k := range owners {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	var alternatives []any
	for _, k := range kinds {
		alternatives = append(alternatives, s.owned(owners[k], name, k))
	}
	if len(alternatives) == 1 {
		return alternatives[0].(map[string]any)
	}
	return map[string]any{"oneOf": alternatives}
}

func (s schemer) owned(owner any, name, kind string) map[string]any {
	o := s.structure(reflect.TypeOf(owner), name)
	if kind == "" {
		return o
	}
	o["properties"].(map[string]any)["kind"] = map[string]any{"const": kind}
	required, _ := o["required"].([]string)
	o["required"] = append([]string{"kind"}, required...)
	return o
}

// plain gives a default worth showing.
func plain(v reflect.Value) (any, bool) {
	switch x := v.Interface().(type) {
	case time.Duration:
		return tidy(x), x != 0
	case bool:
		return x, true
	case []string:
		return x, len(x) > 0
	}
	if v.CanInt() && v.Int() != 0 {
		return v.Int(), true
	}
	if v.Kind() == reflect.String && v.String() != "" {
		return v.String(), true
	}
	return nil, false
}

// tidy writes a duration as people do: 2m, not 2m0s.
func tidy(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func dotted(name, word string) string {
	if name == "" {
		return word
	}
	return name + "." + word
}
