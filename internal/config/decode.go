package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"fairlead/internal/fault"
)

// decoder fills structs from the tree and collects what is wrong instead of stopping at the first mistake.
type decoder struct {
	origin   *origin
	problems Problems
}

func (d *decoder) bad(n ast.Node, format string, args ...any) {
	if len(d.problems) >= maxProblems {
		return
	}
	line, column := position(n)
	d.problems = append(d.problems,
		Problem{File: d.origin.file, Line: line, Column: column, Text: fmt.Sprintf(format, args...)})
}

// IsLeaf tells whether a struct type is a value of its own rather than a mapping of keys.
func IsLeaf(t reflect.Type) bool {
	return t == reflect.TypeFor[Secret]() || t == reflect.TypeFor[Block]() ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func (d *decoder) value(n ast.Node, v reflect.Value, name string, f Key) {
	if _, null := n.(*ast.NullNode); null {
		d.bad(n, "%s has no value", name)
		return
	}
	switch {
	case v.Type() == reflect.TypeFor[Block]():
		d.block(n, v, name, f.Kind)
	case v.Type() == reflect.TypeFor[time.Duration]():
		d.duration(n, v, name)
	case v.Kind() == reflect.String || IsLeaf(v.Type()):
		d.text(n, v, name, f)
	case v.Kind() == reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.bad(n, "%s must be true or false, it is %s", name, what(n))
			return
		}
		v.SetBool(b.Value)
	case v.CanInt():
		d.number(n, v, name)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), name, f)
	case v.Kind() == reflect.Slice:
		d.list(n, v, name, f)
	case v.Kind() == reflect.Map:
		d.table(n, v, name, f)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, name, false)
	default:
		d.bad(n, "%s: this program cannot decode a %s", name, v.Type())
	}
}

// structure fills a struct from a mapping. hasKind allows a key "kind" that the struct does not name.
func (d *decoder) structure(n ast.Node, v reflect.Value, name string, hasKind bool) {
	fields := Keys(v.Type())
	FillDefaults(v)
	if f, ok := Shorthand(fields); ok {
		if _, word := words(n); word {
			d.value(n, v.Field(f.Index), dotted(name, f.Name), f)
			return
		}
	}
	seen := map[string]bool{}
	var known []string
	for _, f := range fields {
		known = append(known, f.Name)
	}
	d.pairs(n, name, func(key ast.Node, word string, value ast.Node) {
		seen[word] = true
		i := slices.IndexFunc(fields, func(f Key) bool { return f.Name == word })
		if i >= 0 {
			d.value(value, v.Field(fields[i].Index), dotted(name, word), fields[i])
			return
		}
		if hasKind && word == "kind" {
			return
		}
		text := fmt.Sprintf("unknown key %q", fault.Clip(word, maxShown))
		if name != "" {
			text += " under " + name
		}
		if near := nearest(word, known); near != "" {
			// not to be reported as missing, too
			seen[near] = true
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		d.bad(key, "%s", text)
	})
	for _, f := range fields {
		if f.Required && !seen[f.Name] && isMapping(n) {
			d.bad(n, "%s is missing", dotted(name, f.Name))
		}
	}
}

// settle makes absolute the paths that came from Defaults.
func (d *decoder) settle(n ast.Node, v reflect.Value) {
	for _, f := range Keys(v.Type()) {
		x := v.Field(f.Index)
		if f.Type.Kind() == reflect.Struct && !IsLeaf(f.Type) {
			d.settle(n, x)
		}
		if f.Type != reflect.TypeFor[Path]() || x.String() == "" {
			continue
		}
		if s, err := d.origin.resolve(x.String()); err != nil {
			d.bad(n, "%s: %v", f.Name, err)
		} else {
			x.SetString(s)
		}
	}
}

// pairs walks a mapping and reports anything else, keys that are not words and keys that stand twice.
func (d *decoder) pairs(n ast.Node, name string, each func(key ast.Node, word string, value ast.Node)) {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.bad(n, "%s must be a mapping of keys, it is %s", name, what(n))
		return
	}
	first := map[string]int{}
	for it := m.MapRange(); it.Next(); {
		key := it.Key()
		word := key.GetToken().Value
		line, _ := position(key)
		if at, twice := first[word]; twice {
			d.bad(key, "%s stands twice; the first is in line %d", dotted(name, fault.Clip(word, maxShown)), at)
			continue
		}
		first[word] = line
		each(key, word, it.Value())
	}
}

func (d *decoder) list(n ast.Node, v reflect.Value, name string, f Key) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.bad(n, "%s must be a list, it is %s", name, what(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	for i, e := range s.Values {
		d.value(e, v.Index(i), dotted(name, strconv.Itoa(i)), f)
	}
}

func (d *decoder) table(n ast.Node, v reflect.Value, name string, f Key) {
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, name, func(_ ast.Node, word string, value ast.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(value, e, dotted(name, word), f)
		v.SetMapIndex(reflect.ValueOf(word).Convert(v.Type().Key()), e)
	})
}

func (d *decoder) block(n ast.Node, v reflect.Value, name string, needsKind bool) {
	b := Block{node: n, origin: d.origin}
	var kind ast.Node
	d.pairs(n, name, func(_ ast.Node, word string, value ast.Node) {
		if word == "kind" {
			kind = value
		}
	})
	if s, ok := kind.(*ast.StringNode); ok {
		b.Kind = s.Value
	} else if kind != nil {
		d.bad(kind, "%s must be a word, it is %s", dotted(name, "kind"), what(kind))
	} else if needsKind && isMapping(n) {
		d.bad(n, "%s is missing", dotted(name, "kind"))
	}
	v.Set(reflect.ValueOf(b))
}

func (d *decoder) duration(n ast.Node, v reflect.Value, name string) {
	s, ok := scalar(n)
	if !ok {
		d.bad(n, "%s must be a time with its unit, like 10s or 2m, it is %s", name, what(n))
		return
	}
	t, err := time.ParseDuration(s)
	if err != nil {
		d.bad(n, "%s must be a time with its unit, like 10s or 2m, got %q", name, fault.Clip(s, maxShown))
		return
	}
	v.SetInt(int64(t))
}

func (d *decoder) number(n ast.Node, v reflect.Value, name string) {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		d.bad(n, "%s must be a whole number, it is %s", name, what(n))
		return
	}
	s := i.GetToken().Value
	x, err := strconv.ParseInt(s, 10, v.Type().Bits())
	if err != nil {
		d.bad(n, "%s must be a whole number written with digits, got %q", name, fault.Clip(s, maxShown))
		return
	}
	v.SetInt(x)
}

// text reads every type that is written as a word: string and its kin, Secret, Expandable, Path, TextUnmarshaler.
func (d *decoder) text(n ast.Node, v reflect.Value, name string, f Key) {
	s, ok := words(n)
	if !ok {
		d.bad(n, "%s must be text, it is %s%s", name, what(n), quoteHint(n))
		return
	}
	var err error
	switch v.Type() {
	case reflect.TypeFor[Secret]():
		s, err = d.origin.expand(s, d.origin.noteSecret)
	case reflect.TypeFor[Expandable](), reflect.TypeFor[Path]():
		s, err = d.origin.expand(s, func(string) {})
	default:
		if variable, there := variableIn(s); there {
			d.bad(n, "%s does not take variables, found %s; write the value out", name, variable)
			return
		}
	}
	if err == nil && v.Type() == reflect.TypeFor[Path]() {
		s, err = d.origin.resolve(s)
	}
	if err != nil {
		d.bad(n, "%s: %v", name, err)
		return
	}
	if !d.allowed(n, s, name, f) {
		return
	}
	if v.Type() == reflect.TypeFor[Secret]() {
		v.Set(reflect.ValueOf(Secret{value: s}))
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			d.bad(n, "%s: %v", name, err)
		}
		return
	}
	v.SetString(s)
}

func (d *decoder) allowed(n ast.Node, s, name string, f Key) bool {
	if len(f.Enum) == 0 || slices.Contains(f.Enum, s) {
		return true
	}
	if slices.Contains(f.Later, s) {
		d.bad(n, "%s: %s is not supported yet; use %s", name, s, oneOf(f.Enum))
		return false
	}
	near := nearest(s, f.Enum)
	if near != "" {
		near = fmt.Sprintf("; did you mean %q?", near)
	}
	d.bad(n, "%s must be %s, got %q%s", name, oneOf(f.Enum), fault.Clip(s, maxShown), near)
	return false
}

// Allowed is an error when the word at a key is none of those that there are, as it is for a field with the tag enum.
// Of later words it says that they are not supported yet.
func (c Config) Allowed(key, word string, words []string, later ...string) error {
	d := decoder{origin: c.root.origin}
	d.allowed(find(c.root.node, key), word, key, Key{Enum: words, Later: later})
	return invalid(d.problems)
}

// words gives the text of a scalar that YAML reads as text.
func words(n ast.Node) (string, bool) {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, true
	case *ast.LiteralNode:
		return s.Value.Value, true
	}
	return "", false
}

// scalar gives the text of a scalar or number as it is written.
func scalar(n ast.Node) (string, bool) {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, true
	}
	return words(n)
}

// what names a node for a sentence.
func what(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "nothing"
	case *ast.SequenceNode:
		return "a list"
	case ast.MapNode:
		return "a mapping"
	}
	return "something else"
}

func quoteHint(n ast.Node) string {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return "; put it in quotes"
	}
	return ""
}

func dotted(name, word string) string {
	if name == "" {
		return word
	}
	return name + "." + word
}

// maxShown is how much of what the file holds stands in a message.
const maxShown = 60
