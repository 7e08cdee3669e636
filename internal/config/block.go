package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A Block is one part of the file, kept with its position until its owner decodes it into a struct of its own. The zero
// Block is absent.
type Block struct {
	// Kind: the value of its key "kind", or ""
	Kind string

	node   ast.Node
	origin *origin
}

// Present tells whether the block stands in the file.
func (b Block) Present() bool { return b.node != nil }

// Decode reads the block strictly into a struct, given by pointer: an unknown key, a wrong type, a key that stands
// twice or an unset variable is an error with file, line and column (all of them at once, as a *fault.Fault of code
// config-invalid). Fields are named by tags: yaml:"name", yaml:"name,required", enum:"a|b" for words; the comment above
// a field is what the manual says of its key. A struct with a method Defaults() on its pointer is filled by it first.
// The key "kind" need not be a field. Known types are string, bool, int, int64, time.Duration, Secret, Expandable,
// Path, Block, encoding.TextUnmarshaler, and structs, lists, pointers and maps by string of these.
func (b Block) Decode(into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("decode configuration: %T is not a pointer to a struct", into)
	}
	if b.node == nil {
		return fmt.Errorf("decode configuration: the block is absent")
	}
	d := decoder{origin: b.origin}
	d.structure(b.node, v.Elem(), "", b.Kind != "")
	d.settle(b.node, v.Elem())
	return invalid(d.problems)
}

// Errorf gives an error at a key of the block, like "services.api.image_env" or "hosts.0", in the form that Decode
// gives. A key that does not stand there is reported at the nearest one that does.
func (b Block) Errorf(key, format string, args ...any) error {
	return invalid(Problems{b.problem(key, format, args...)})
}

func (b Block) problem(key, format string, args ...any) Problem {
	p := Problem{Line: 1, Column: 1, Text: fmt.Sprintf(format, args...)}
	if b.node == nil {
		return p
	}
	p.File = b.origin.file
	p.Line, p.Column = position(find(b.node, key))
	return p
}

// find follows a dotted key as far as it goes. For a missing key of a mapping it gives the mapping's own place, which
// is its key where it has one.
func find(n ast.Node, key string) ast.Node {
	at := n
	for _, word := range strings.Split(key, ".") {
		switch m := n.(type) {
		case ast.MapNode:
			k, value := entry(m, word)
			if k == nil {
				return at
			}
			n, at = value, value
			if isMapping(n) {
				at = k
			}
		case *ast.SequenceNode:
			i, err := strconv.Atoi(word)
			if err != nil || i < 0 || i >= len(m.Values) {
				return at
			}
			n, at = m.Values[i], m.Values[i]
		default:
			return at
		}
	}
	return at
}

// entry gives the key of a mapping that is this word, with its value; nil where there is none.
func entry(m ast.MapNode, word string) (key, value ast.Node) {
	for it := m.MapRange(); it.Next(); {
		if it.Key().GetToken().Value == word {
			return it.Key(), it.Value()
		}
	}
	return nil, nil
}
