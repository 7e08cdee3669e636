package sqltext

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// BodyKind says what a statement inside a PL/pgSQL body is.
type BodyKind string

// The kinds of body statement. The zero value means nothing.
const (
	BodySQL        BodyKind = "sql"        // a plain SQL statement
	BodyExecute    BodyKind = "execute"    // EXECUTE; SQL is the expression that gives the text
	BodyExpression BodyKind = "expression" // a condition or assignment; SQL can be parsed as SELECT …
	BodyCommit     BodyKind = "commit"     // COMMIT or ROLLBACK inside the body
)

// BodyStatement is one thing that a body does. Offset is a byte of the enclosing statement's SQL, or -1 when only the
// line is known; Line counts from the line on which the body opens, from one.
type BodyStatement struct {
	Kind    BodyKind
	SQL     string
	Line    int
	Offset  int
	Guarded bool // stands under an IF, CASE or exception handler, or in a loop that may run no time at all
}

// Body is the inside of a DO block or function.
type Body struct {
	Language   string // lower case
	Source     string
	Start      int // byte of Source in the statement's SQL; -1 when its quotes make offsets differ
	Statements []BodyStatement
}

// ErrNoBody is returned by BodyOf when the statement has none that can be read: another language, a C symbol, or source
// text that PL/pgSQL rejects.
var ErrNoBody = errors.New("the body cannot be read")

// Commits says whether the body ends transactions by itself.
func (b Body) Commits() bool {
	return slices.ContainsFunc(b.Statements, func(s BodyStatement) bool { return s.Kind == BodyCommit })
}

// BodyOf opens the DO block or CREATE FUNCTION that n and its text sql are. A body in the language sql is given as one
// BodySQL statement. It returns ErrNoBody (wrapped, with the reason) when it cannot be read.
func BodyOf(n *pg.Node, sql string) (Body, error) {
	options := n.GetDoStmt().GetArgs()
	body := Body{Language: "plpgsql", Start: -1}
	if f := n.GetCreateFunctionStmt(); f != nil {
		options, body.Language = f.GetOptions(), "sql"
	}
	found := false
	for _, o := range options {
		d := o.GetDefElem()
		switch d.GetDefname() {
		case "language":
			body.Language = strings.ToLower(d.GetArg().GetString_().GetSval())
		case "as":
			body.Source, found = d.GetArg().GetString_().GetSval(), true
			if items := d.GetArg().GetList().GetItems(); len(items) > 0 {
				body.Source = items[0].GetString_().GetSval()
			}
		}
	}
	if !found {
		return body, fmt.Errorf("%w: it has no source text", ErrNoBody)
	}
	body.Start = bodyStart(sql, body.Source)
	switch body.Language {
	case "plpgsql":
		if plain, ok := body.plainBody(); ok {
			body.Statements = plain
			return body, nil
		}
		return body.parse(sql)
	case "sql":
		body.Statements = []BodyStatement{{Kind: BodySQL, SQL: body.Source, Line: 1, Offset: body.Start}}
		return body, nil
	}
	return body, fmt.Errorf("%w: language %q", ErrNoBody, body.Language)
}

// bodyStart finds the body's text after its opening dollar tag.
func bodyStart(sql, source string) int {
	scan := &scanner{text: sql}
	for {
		tok, ok := scan.next()
		if !ok {
			return -1
		}
		piece := sql[tok.start:tok.end]
		if tok.kind != tokenString {
			continue
		}
		if i := strings.Index(piece, source); i >= 0 && (piece[0] == '$' || piece[0] == '\'') &&
			i+len(source) < len(piece) {
			if piece[0] == '$' && i == strings.IndexByte(piece[1:], '$')+2 || i == 1 {
				return tok.start + i
			}
		}
	}
}

func (b Body) parse(sql string) (Body, error) {
	if deep := clean(b.Source); hasCode(deep.problems, CodeTooDeep) || blocksIn(b.Source) > MaxDepth {
		return b, fmt.Errorf("%w: nested more than %d deep", ErrNoBody, MaxDepth)
	}
	out, err := parseBody(sql)
	if err != nil {
		return b, fmt.Errorf("%w: %v", ErrNoBody, err)
	}
	var tree any
	if err := json.Unmarshal([]byte(out), &tree); err != nil {
		return b, fmt.Errorf("%w: %v", ErrNoBody, err)
	}
	w := bodyWalk{body: &b}
	w.walk(tree, 1, false)
	if len(w.statements) == 0 && !strings.Contains(out, "PLpgSQL_stmt") {
		return b, fmt.Errorf("%w: the parser gave nothing", ErrNoBody)
	}
	b.Statements = w.statements
	return b, nil
}

// blocksIn counts what may nest in a PL/pgSQL body, all of it.
func blocksIn(source string) int {
	scan, depth, deepest, previous := &scanner{text: source}, 0, 0, ""
	for {
		tok, ok := scan.next()
		if !ok {
			return deepest
		}
		word := strings.ToLower(source[tok.start:tok.end])
		switch {
		case word == "end" && previous != ".":
			depth--
		case previous == "end":
		case word == "begin", word == "if", word == "loop", word == "case":
			depth++
		}
		deepest, previous = max(deepest, depth), word
	}
}

type bodyWalk struct {
	body       *Body
	statements []BodyStatement
}

func (w *bodyWalk) walk(node any, line int, guarded bool) {
	switch v := node.(type) {
	case []any:
		for _, item := range v {
			w.walk(item, line, guarded)
		}
	case map[string]any:
		if n, ok := v["lineno"].(float64); ok {
			line = int(n)
		}
		for _, key := range bodyOrder(v) {
			w.enter(key, v[key], line, guarded)
		}
	}
}

func (w *bodyWalk) enter(key string, node any, line int, guarded bool) {
	inner, _ := node.(map[string]any)
	if n, ok := inner["lineno"].(float64); ok {
		line = int(n)
	}
	switch key {
	case "PLpgSQL_expr":
		kind := BodyExpression
		if mode, _ := inner["parseMode"].(float64); mode == 0 {
			// a whole statement: FOR r IN DELETE …, RETURN QUERY, PERFORM
			kind = BodySQL
		}
		w.add(kind, inner, line, guarded)
	case "dynquery":
		// OPEN … FOR EXECUTE, RETURN QUERY EXECUTE
		w.add(BodyExecute, expression(node), line, guarded)
	case "PLpgSQL_stmt_execsql":
		w.add(BodySQL, expression(inner["sqlstmt"]), line, guarded)
	case "PLpgSQL_stmt_call":
		w.add(BodySQL, expression(inner["expr"]), line, guarded)
	case "PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors":
		w.add(BodyExecute, expression(inner["query"]), line, guarded)
		w.walk(inner["body"], line, guarded || key == "PLpgSQL_stmt_dynfors")
	case "PLpgSQL_stmt_fori", "PLpgSQL_stmt_fors", "PLpgSQL_stmt_forc", "PLpgSQL_stmt_foreach_a", "PLpgSQL_stmt_while":
		// perhaps not once
		head := maps.Clone(inner)
		delete(head, "body")
		w.walk(head, line, guarded)
		w.walk(inner["body"], line, true)
	case "PLpgSQL_stmt_commit", "PLpgSQL_stmt_rollback":
		w.statements = append(w.statements, BodyStatement{Kind: BodyCommit, Line: line, Offset: -1, Guarded: guarded})
	case "PLpgSQL_stmt_if", "PLpgSQL_stmt_case", "PLpgSQL_exception":
		w.walk(node, line, true)
	case "PLpgSQL_stmt_block":
		w.walk(node, line, guarded || inner["exceptions"] != nil)
	default:
		w.walk(node, line, guarded)
	}
}

func expression(node any) map[string]any {
	m, _ := node.(map[string]any)
	inner, _ := m["PLpgSQL_expr"].(map[string]any)
	return inner
}

func (w *bodyWalk) add(kind BodyKind, expr map[string]any, line int, guarded bool) {
	query, _ := expr["query"].(string)
	if query == "" {
		if kind == BodyExpression {
			return
		}
		query = "?"
	}
	st := BodyStatement{Kind: kind, SQL: query, Line: line, Offset: -1, Guarded: guarded}
	if w.body.Start >= 0 {
		from := lineStart(w.body.Source, line)
		if i := strings.Index(w.body.Source[from:], query); i >= 0 {
			st.Offset = w.body.Start + from + i
		}
	}
	if mode, _ := expr["parseMode"].(float64); kind == BodyExpression && mode == 2 {
		st.SQL = "SELECT " + query
	} else if kind == BodyExpression && mode == 3 {
		if _, value, ok := strings.Cut(query, "="); ok {
			st.SQL = "SELECT " + value
		}
	}
	w.statements = append(w.statements, st)
}

func lineStart(text string, line int) int {
	at := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return at
		}
		at += i + 1
	}
	return at
}

// bodyOrder gives the keys of a node in the order in which they are executed.
func bodyOrder(m map[string]any) []string {
	order := []string{"cond", "query", "then_body", "elsif_list", "else_body"}
	rest := slices.DeleteFunc(slices.Sorted(maps.Keys(m)),
		func(k string) bool { return k == "lineno" || slices.Contains(order, k) })
	keys := slices.DeleteFunc(order, func(k string) bool { return m[k] == nil })
	return append(keys, rest...)
}
