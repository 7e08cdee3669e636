package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth limits how deep mappings and lists may nest. The deepest known key stands at 5.
const maxDepth = 16

// maxTokens limits the words, lines and entries of the file, so that a hostile megabyte costs no time. A real file has
// some hundred.
const maxTokens = 20_000

// parseYAML reads one document into a tree of plain mappings, lists and scalars. Anchors, aliases, merges, tags and
// further documents are refused: nothing in the file needs them and all bombs do.
func parseYAML(b []byte, p *origin) (node ast.Node, problems Problems) {
	one := func(line, column int, format string, args ...any) Problems {
		return Problems{{File: p.file, Line: max(line, 1), Column: max(column, 1), Text: fmt.Sprintf(format, args...)}}
	}
	if !utf8.Valid(b) {
		return nil, one(1, 1, "the file is not UTF-8 text")
	}
	// The library must not take the program down, whatever the file holds.
	defer func() {
		if recover() != nil {
			node, problems = nil, one(1, 1, "the file cannot be read as YAML")
		}
	}()
	if line, column, why := tooMuch(string(b)); why != "" {
		return nil, one(line, column, "%s", why)
	}
	tokens := lexer.Tokenize(string(b))
	if tk, why := refuse(tokens); tk != nil {
		return nil, one(tk.Position.Line, tk.Position.Column, "%s", why)
	}
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil && ye.GetToken().Position != nil {
			at := ye.GetToken().Position
			return nil, one(at.Line, at.Column, "not readable as YAML: %s", inWords(ye.GetMessage()))
		}
		return nil, one(1, 1, "the file cannot be read as YAML")
	}
	var bodies []ast.Node
	for _, d := range f.Docs {
		if d.Body != nil {
			bodies = append(bodies, d.Body)
		}
	}
	switch {
	case len(bodies) == 0:
		return nil, one(1, 1, "the file is empty")
	case len(bodies) > 1:
		line, column := position(bodies[1])
		return nil, one(line, column, "a second document begins here; the file holds one")
	}
	if !isMapping(bodies[0]) {
		line, column := position(bodies[0])
		return nil, one(line, column, "the file must be a mapping of keys, like app: shop")
	}
	return bodies[0], nil
}

// tooMuch looks at the raw text, before any recursive or slow parser does: brackets (also those in quotes: who needs
// sixteen of them?), markers of nested lists and keys on one line, indentation, and the number of lines and entries.
func tooMuch(s string) (line, column int, why string) {
	deep, many := fmt.Sprintf("nested deeper than %d levels", maxDepth),
		fmt.Sprintf("the file has more than %d lines and entries; no configuration needs that", maxTokens)
	depth, entries := 0, 0
	for line := 1; s != ""; line++ {
		var text string
		text, s, _ = strings.Cut(s, "\n")
		entries++
		if strings.HasPrefix(strings.TrimLeft(text, " \t"), "#") {
			text = ""
		}
		if indent := len(text) - len(strings.TrimLeft(text, " \t")); indent > 40*maxDepth {
			return line, indent, deep
		}
		markers := 0
		for i, c := range text {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			case ',':
				entries++
			case '-', '?', ':':
				markers++
			case ' ':
			default:
				markers = 0
			}
			if depth > maxDepth || markers > 120 {
				return line, i + 1, deep
			}
		}
		if entries > maxTokens {
			return line, 1, many
		}
	}
	return 0, 0, ""
}

// inWords replaces the parser's word for its commonest complaint.
func inWords(message string) string {
	if strings.Contains(message, "non-map value is specified") {
		return "this line is not a key with a value (key: value); was the file cut off here?"
	}
	return message
}

func refuse(tokens token.Tokens) (*token.Token, string) {
	open := []int{0}
	for i, t := range tokens {
		if t.Position == nil {
			continue
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return t, "anchors, aliases and merges are not allowed in this file; write the value out"
		case token.TagType, token.DirectiveType:
			return t, "tags and directives are not allowed in this file"
		case token.InvalidType:
			return t, "not readable as YAML: " + t.Error
		case token.MappingKeyType:
			return t, "keys must be plain words"
		}
		if i >= maxTokens {
			return t, fmt.Sprintf("the file has more than %d words; no configuration needs that", maxTokens)
		}
		if open = indented(open, t); len(open) > maxDepth {
			return t, fmt.Sprintf("nested deeper than %d levels", maxDepth)
		}
	}
	return nil, ""
}

// indented keeps the columns of the blocks that are open at a token which begins a key or an entry.
func indented(open []int, t *token.Token) []int {
	at := t
	switch t.Type {
	case token.SequenceEntryType:
	case token.MappingValueType:
		if t.Prev == nil || t.Prev.Position == nil {
			return open
		}
		at = t.Prev
	default:
		return open
	}
	for len(open) > 1 && open[len(open)-1] > at.Position.Column {
		open = open[:len(open)-1]
	}
	if open[len(open)-1] < at.Position.Column {
		open = append(open, at.Position.Column)
	}
	return open
}

func isMapping(n ast.Node) bool {
	_, ok := n.(ast.MapNode)
	return ok
}

// position tells where a node begins.
func position(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return position(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return position(m.Key)
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1, 1
	}
	at := n.GetToken().Position
	return max(at.Line, 1), max(at.Column, 1)
}
