package config

import (
	"reflect"
	"strings"
)

// field is one key of a struct, as its tags describe it.
type field struct {
	name     string
	index    int
	required bool
	short    bool     // a bare word in place of the mapping is this key's value
	kind     bool     // its blocks need a key "kind"
	enum     []string // words that are allowed
	later    []string // words that will be allowed one day
	doc      string
	typ      reflect.Type
}

// fieldsOf lists the keys of a struct in order. Exported fields without a yaml tag, and those tagged "-", are no keys.
func fieldsOf(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("yaml")
		if !f.IsExported() || tag == "" || tag == "-" {
			continue
		}
		words := strings.Split(tag, ",")
		k := field{name: words[0], index: i, doc: f.Tag.Get("doc"), typ: f.Type, enum: split(f.Tag.Get("enum")), later: split(f.Tag.Get("later"))}
		for _, w := range words[1:] {
			switch w {
			case "required":
				k.required = true
			case "shorthand":
				k.short = true
			case "kind":
				k.kind = true
			}
		}
		all = append(all, k)
	}
	return all
}

// shorthand gives the key that a bare word stands for.
func shorthand(all []field) (field, bool) {
	for _, f := range all {
		if f.short {
			return f, true
		}
	}
	return field{}, false
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}

// defaulter fills a struct before it is decoded.
type defaulter interface{ Defaults() }

func fillDefaults(v reflect.Value) {
	if d, ok := v.Addr().Interface().(defaulter); ok {
		d.Defaults()
	}
	for _, f := range fieldsOf(v.Type()) {
		if f.typ.Kind() == reflect.Struct && !isLeaf(f.typ) {
			fillDefaults(v.Field(f.index))
		}
	}
}
