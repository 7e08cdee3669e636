package sqltext

import "strings"

// plainBody reads the one shape that migration tools write, without the parser of PL/pgSQL: BEGIN, then plain
// statements and IF [NOT] EXISTS (…) THEN plain statements END IF, then END. It gives false for everything else.
// Whoever calls it parses each statement, so text that PL/pgSQL would refuse is refused there.
func (b Body) plainBody() ([]BodyStatement, bool) {
	p := plainReader{body: b, scan: scanner{text: b.Source}}
	p.next()
	if !p.word("begin") {
		return nil, false
	}
	for p.next(); !p.failed && !p.is("end"); {
		if p.is("if") {
			p.condition()
		} else {
			p.statement(false)
		}
	}
	if !p.word("end") {
		return nil, false
	}
	if p.next(); p.text == ";" {
		p.next()
	}
	return p.out, !p.failed && p.text == ""
}

// plainReader stands on one token of a body: text is "" at its end.
type plainReader struct {
	body   Body
	scan   scanner
	at     token
	text   string
	depth  nesting
	line   int // of the byte counted
	seen   int
	out    []BodyStatement
	failed bool
}

func (p *plainReader) next() {
	tok, ok := p.scan.next()
	if !ok {
		p.at, p.text = token{0, len(p.body.Source), len(p.body.Source)}, ""
		return
	}
	p.at, p.text = tok, p.body.Source[tok.start:tok.end]
	if tok.kind == tokenOpen || p.depth.add(tok.kind, p.text) > MaxDepth {
		p.failed = true
	}
}

func (p *plainReader) is(word string) bool {
	return p.at.kind == tokenWord && len(p.text) == len(word) && strings.EqualFold(p.text, word)
}

func (p *plainReader) word(word string) bool {
	p.failed = p.failed || !p.is(word)
	return !p.failed
}

// condition reads IF [NOT] EXISTS (…) THEN … END IF;
func (p *plainReader) condition() {
	line := p.lineOf(p.at.start)
	p.next()
	start := p.at.start
	if p.is("not") {
		p.next()
	}
	p.word("exists")
	p.next()
	p.failed = p.failed || p.text != "("
	for open := p.depth.open(); !p.failed && p.depth.open() >= open; p.next() {
		p.failed = p.text == "" || p.text == ";" || p.is("then") || p.is("into")
	}
	p.next()
	if !p.word("then") {
		return
	}
	p.add(BodyExpression, start, p.at.start, line, true)
	for p.next(); !p.failed && !p.is("end"); {
		p.statement(true)
	}
	p.next()
	p.word("if")
	p.next()
	p.failed = p.failed || p.text != ";"
	p.next()
}

// statement reads one plain statement and its semicolon.
func (p *plainReader) statement(guarded bool) {
	start, line := p.at.start, p.lineOf(p.at.start)
	p.failed = p.failed || p.at.kind != tokenWord || !startsPlain(p.text)
	writes := p.is("insert")
	p.next()
	p.failed = p.failed || p.at.kind != tokenWord && p.at.kind != tokenQuoted
	for first := true; !p.failed && !(p.text == ";" && p.depth.open() == 0); first = false {
		p.failed = p.text == "" || p.text == ";" || p.is("atomic") || p.is("begin") || p.is("into") &&
			!(first && writes)
		p.next()
	}
	p.add(BodySQL, start, p.at.start, line, guarded)
	p.next()
}

// startsPlain says whether a word begins a statement that PL/pgSQL hands to the server as it is.
func startsPlain(word string) bool {
	switch strings.ToLower(word) {
	case "alter", "create", "drop", "insert", "update", "delete", "comment", "grant", "revoke", "truncate":
		return true
	}
	return false
}

func (p *plainReader) add(kind BodyKind, start, end, line int, guarded bool) {
	if p.failed {
		return
	}
	st := BodyStatement{Kind: kind, SQL: strings.TrimRight(p.body.Source[start:end], " \t\n\r\f\v"), Line: line,
		Offset: -1, Guarded: guarded}
	if kind == BodyExpression {
		st.SQL = "SELECT " + st.SQL
	}
	if p.body.Start >= 0 {
		st.Offset = p.body.Start + start
	}
	p.out = append(p.out, st)
}

// lineOf gives the line of a byte, counted from one; bytes are asked for in order.
func (p *plainReader) lineOf(at int) int {
	p.line += strings.Count(p.body.Source[p.seen:at], "\n")
	p.seen = at
	return p.line + 1
}
