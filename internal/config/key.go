package config

import (
	"reflect"
	"slices"
	"strings"
)

// A Key is one key of a struct, as its tags describe it.
type Key struct {
	Name     string
	Index    int
	Type     reflect.Type
	Required bool
	// Shorthand: a bare word in place of the mapping is this key's value.
	Shorthand bool
	// Kind: its blocks need a key "kind".
	Kind bool
	// Enum are the words that are allowed, Later those that will be one day.
	Enum, Later []string
}

// Keys lists the keys of a struct in order. Exported fields without a yaml tag, and those tagged "-", are no keys.
func Keys(t reflect.Type) []Key {
	var all []Key
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("yaml")
		if !f.IsExported() || tag == "" || tag == "-" {
			continue
		}
		words := strings.Split(tag, ",")
		all = append(all, Key{Name: words[0], Index: i, Type: f.Type, Required: slices.Contains(words[1:], "required"),
			Shorthand: slices.Contains(words[1:], "shorthand"), Kind: slices.Contains(words[1:], "kind"),
			Enum: split(f.Tag.Get("enum")), Later: split(f.Tag.Get("later"))})
	}
	return all
}

// Shorthand gives the key that a bare word stands for.
func Shorthand(all []Key) (Key, bool) {
	i := slices.IndexFunc(all, func(k Key) bool { return k.Shorthand })
	if i < 0 {
		return Key{}, false
	}
	return all[i], true
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}

// defaulter fills a struct before it is decoded.
type defaulter interface{ Defaults() }

// FillDefaults gives a struct, and those in it, what their methods Defaults say.
func FillDefaults(v reflect.Value) {
	if d, ok := v.Addr().Interface().(defaulter); ok {
		d.Defaults()
	}
	for _, f := range Keys(v.Type()) {
		if f.Type.Kind() == reflect.Struct && !IsLeaf(f.Type) {
			FillDefaults(v.Field(f.Index))
		}
	}
}
