package scaffold

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxNesting limits brackets inside brackets, and merges of merges.
const maxNesting = 32

// servicesOf reads services and images from the tree of the file, without writing any alias out: a bomb stays small.
func servicesOf(b []byte) (all []service, err error) {
	defer func() {
		if recover() != nil { // the library must not take the program down, whatever the file holds
			all, err = nil, errors.New("it cannot be read as YAML")
		}
	}()
	if !utf8.Valid(b) {
		return nil, errors.New("it is not UTF-8 text")
	}
	if nested(string(b)) > maxNesting {
		return nil, fmt.Errorf("it is nested deeper than %d levels", maxNesting)
	}
	f, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil, errors.New(firstLine(yaml.FormatError(err, false, false)))
	}
	t := tree{anchors: map[string]ast.Node{}}
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		ast.Walk(t, d.Body)
		services := t.field(d.Body, "services", maxNesting)
		t.each(services, func(name string, n ast.Node) {
			image := scalar(t.field(n, "image", maxNesting))
			all = append(all, service{name: name, image: image, variable: wholeVariable(image)})
		})
	}
	return all, nil
}

// tree looks fields up in a tree, through anchors, aliases and merges.
type tree struct{ anchors map[string]ast.Node }

// Visit notes the anchors.
func (t tree) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok {
		t.anchors[a.Name.String()] = a.Value
	}
	return t
}

// plain gives what stands behind an anchor or an alias.
func (t tree) plain(n ast.Node, limit int) ast.Node {
	for ; limit > 0; limit-- {
		switch m := n.(type) {
		case *ast.AnchorNode:
			n = m.Value
		case *ast.AliasNode:
			n = t.anchors[m.Value.String()]
		default:
			return n
		}
	}
	return nil
}

// each visits the fields of a mapping, merges not included.
func (t tree) each(n ast.Node, visit func(string, ast.Node)) {
	m, ok := t.plain(n, maxNesting).(ast.MapNode)
	if !ok {
		return
	}
	for it := m.MapRange(); it.Next(); {
		visit(it.Key().GetToken().Value, it.Value())
	}
}

// field gives a field of a mapping, its own before a merged one; nil when there is none.
func (t tree) field(n ast.Node, name string, limit int) ast.Node {
	if limit == 0 {
		return nil
	}
	var own, merged ast.Node
	t.each(n, func(key string, value ast.Node) {
		switch {
		case key == name:
			own = value
		case key == "<<" && merged == nil:
			merged = t.merge(value, name, limit-1)
		}
	})
	if own != nil {
		return t.plain(own, limit)
	}
	return merged
}

// merge looks into what is merged: a mapping or a list of them.
func (t tree) merge(n ast.Node, name string, limit int) ast.Node {
	list, ok := t.plain(n, maxNesting).(*ast.SequenceNode)
	if !ok {
		return t.field(n, name, limit)
	}
	for _, v := range list.Values {
		if found := t.field(v, name, min(limit, 2)); found != nil {
			return found
		}
	}
	return nil
}

func scalar(n ast.Node) string {
	s, ok := n.(ast.ScalarNode)
	if !ok || n.Type() == ast.NullType {
		return ""
	}
	return fmt.Sprint(s.GetValue())
}

// nested gives how deep brackets stand in brackets and markers of lists beside markers, those in quotes counted too.
func nested(s string) int {
	depth, markers, most := 0, 0, 0
	for _, c := range s {
		switch c {
		case ' ':
			continue
		case '-', '?', ':':
			markers++
		default:
			markers = 0
		}
		if markers > 2*maxNesting && c != '-' || markers > 200 { // a line of dashes in a comment is common
			most = max(most, markers)
		}
		switch c {
		case '[', '{':
			depth++
			most = max(most, depth)
		case ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return most
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
