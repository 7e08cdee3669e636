package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Schema gives the JSON schema (2020-12) of fairlead.yaml. owners gives the structs that Blocks are decoded into, by dotted key and
// kind: "target" → {"compose": compose.Config{}}, "database" → {"": postgres.Config{}}, "record.notify" → {…}. A Block without
// owners allows any keys.
func Schema(owners map[string]map[string]any) ([]byte, error) {
	s := schemer{owners: owners}
	root := s.structure(reflect.TypeFor[Config](), "")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "fairlead.yaml"
	root["dependentRequired"] = map[string]any{"target": []string{"approval", "health"}}
	root["anyOf"] = []any{map[string]any{"required": []string{"target"}}, map[string]any{"required": []string{"ledger"}}}
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
}

func (s schemer) structure(t reflect.Type, name string) map[string]any {
	filled := reflect.New(t).Elem()
	fillDefaults(filled)
	properties := map[string]any{}
	var required []string
	for _, f := range fieldsOf(t) {
		p := s.value(f.typ, dotted(name, f.name), f)
		if f.doc != "" {
			p["description"] = f.doc
		}
		if d, ok := plain(filled.Field(f.index)); ok && !f.required {
			p["default"] = d
		}
		properties[f.name] = p
		if f.required {
			required = append(required, f.name)
		}
	}
	o := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func (s schemer) value(t reflect.Type, name string, f field) map[string]any {
	switch {
	case t == reflect.TypeFor[Block]():
		return s.block(name, f.kind)
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case t == reflect.TypeFor[Secret](), t == reflect.TypeFor[Expandable](), t == reflect.TypeFor[Path]():
		return map[string]any{"type": "string", "$comment": "${NAME} is replaced by the environment's value"}
	case t.Kind() == reflect.String || isLeaf(t):
		o := map[string]any{"type": "string"}
		if len(f.enum) > 0 {
			o["enum"] = f.enum
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
	if short, ok := shorthand(fieldsOf(t)); ok {
		return map[string]any{"oneOf": []any{s.value(short.typ, dotted(name, short.name), short), o}}
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
