package sqltext

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// Parse reads a migration. The error, if any, is a *SyntaxError: the first reason, by position, why the file must not
// be applied. The Script is then still filled as far as the file could be read, with all reasons in Problems, so that a
// reviewer can go on; Units are only given when there is no error.
//
// No input panics; size and depth are limited (MaxBytes, MaxDepth).
func Parse(sql []byte) (Script, error) { return parse(sql, digest) }

// Review is Parse for somebody who only reads: statements and units have no hashes, which saves their memory.
func Review(sql []byte) (Script, error) { return parse(sql, func(string) string { return "" }) }

func parse(sql []byte, hash func(string) string) (Script, error) {
	if len(sql) > MaxBytes {
		return Script{SHA256: digestOf(sql)}.refuse(tooLarge())
	}
	text := string(sql)
	script := Script{SHA256: digest(text), text: text, lines: indexLines(text)}
	if p := checkText(text); p != nil {
		return script.refuse(p)
	}
	c := clean(text)
	script.Problems, script.Notes = c.problems, c.notes
	if hasCode(c.problems, CodeTooDeep) || hasCode(c.problems, CodeTooLarge) {
		return script.refuse()
	}
	script.sql, script.pieces, script.kept = c.sql, c.pieces(), &piece{at: -1}
	script.Statements, script.places = make([]Statement, 0, c.semicolons+1), make([]place, 0, c.semicolons+1)
	g := &grouper{text: text, hash: hash, created: map[string]bool{}, altered: map[string]bool{}}
	for at := range script.pieces {
		if err := script.read(at, c, g); err != nil {
			return script.refuse(err)
		}
	}
	units, problems := g.finish(script.Statements)
	if len(problems)+len(script.Problems) > 0 {
		return script.refuse(problems...)
	}
	script.Units = units
	return script, nil
}

// read parses one piece and takes its statements. A file of one piece keeps its trees.
func (s *Script) read(at int, c cleaned, g *grouper) *SyntaxError {
	from := s.pieces[at].Start
	// rows of a COPY are blanks by now
	sql := strings.TrimRight(c.sql[from:s.pieces[at].End], " \t\r\n")
	tree, err := parseTree(sql)
	if err != nil {
		return fromParser(s.text, from, sql, err)
	}
	for _, raw := range tree.GetStmts() {
		st, ok := statementOf(s.lines, c, g.hash, raw, from, s.pieces[at].End)
		if !ok {
			continue
		}
		st.Index = len(s.Statements)
		s.Statements = append(s.Statements, st)
		s.places = append(s.places, place{int32(at), raw.GetStmtLocation()})
		if len(s.pieces) == 1 {
			s.nodes = append(s.nodes, raw.GetStmt())
		}
		g.take(st, raw.GetStmt())
	}
	return nil
}

func (s Script) refuse(more ...*SyntaxError) (Script, error) {
	s.Problems = append(s.Problems, more...)
	slices.SortStableFunc(s.Problems, func(a, b *SyntaxError) int { return a.Offset - b.Offset })
	return s, s.Problems[0]
}

func hasCode(problems []*SyntaxError, code Code) bool {
	return slices.ContainsFunc(problems, func(p *SyntaxError) bool { return p.Code == code })
}

func fromParser(text string, from int, sql string, err error) *SyntaxError {
	message, cursor, ok := parserError(err)
	if !ok {
		return problemAt(text, from, CodeTooDeep, fmt.Sprintf("the parse tree cannot be read: %v", err))
	}
	at := byteOf(sql, cursor)
	if variable(sql[at:]) {
		return problemAt(text, from+at, CodeMeta, message+": a variable of psql, which only psql fills in; write "+
			"its value")
	}
	return problemAt(text, from+at, CodeSyntax, message)
}

// variable finds :name, :'name' and :"name".
func variable(sql string) bool {
	return len(sql) > 1 && sql[0] == ':' && (sql[1] == '\'' || sql[1] == '"' || wordStart(sql[1]))
}

func statementOf(lines lineIndex, c cleaned, hash func(string) string, raw *pg.RawStmt, from, to int) (Statement,
	bool) {
	text := lines.text
	start := from + int(raw.GetStmtLocation())
	end := start + int(raw.GetStmtLen())
	if raw.GetStmtLen() == 0 {
		end = to
	}
	if raw.GetStmt() == nil || !within(c.sql, start, end) {
		return Statement{}, false
	}
	start, end = trim(c.sql, start, end)
	line, column := lines.position(start)
	st := Statement{
		Start: start, End: end, Line: line, Column: column,
		SHA256: hash(text[start:end]), SQL: text[start:end],
	}
	describe(&st, raw.GetStmt())
	st.CopyData = c.copyAfter(end, raw.GetStmt())
	return st, true
}

// copyAfter finds the rows that belong to the COPY statement that ends here.
func (c cleaned) copyAfter(end int, n *pg.Node) *Range {
	if !isCopyIn(n) {
		return nil
	}
	i := sort.Search(len(c.copies), func(i int) bool { return c.copies[i].semicolon >= end })
	if i == len(c.copies) {
		return nil
	}
	if _, ok := (&scanner{text: c.sql[:c.copies[i].semicolon], at: end}).next(); ok {
		return nil
	}
	data := c.copies[i].data
	return &data
}

func isCopyIn(n *pg.Node) bool {
	c := n.GetCopyStmt()
	return c != nil && c.GetIsFrom() && c.GetFilename() == "" && !c.GetIsProgram()
}

// trim leaves out white space and comments around a statement.
func trim(sql string, start, end int) (int, int) {
	scan := &scanner{text: sql[:end], at: start}
	first, last := end, start
	for {
		tok, ok := scan.next()
		if !ok {
			break
		}
		first, last = min(first, tok.start), tok.end
	}
	if first >= last {
		return start, end
	}
	return first, last
}

// AsSyntaxError unwraps the reason why a text was refused, or gives nil.
func AsSyntaxError(err error) *SyntaxError {
	var e *SyntaxError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// Inside reads one statement of a PL/pgSQL body that BodyOf has opened, so that its bytes and its depth are known to be
// in order. It gives false for whatever is not one ordinary statement: Parse then says what is wrong with it. Start and
// End count in sql.
func Inside(sql string) (Statement, *pg.Node, bool) {
	tree, err := parseTree(sql)
	if err != nil || len(tree.GetStmts()) != 1 {
		return Statement{}, nil, false
	}
	raw := tree.GetStmts()[0]
	n := raw.GetStmt()
	if n == nil || n.GetTransactionStmt() != nil || n.GetCopyStmt() != nil || sessionRefusal(n) != "" {
		return Statement{}, nil, false
	}
	start, end := int(raw.GetStmtLocation()), len(sql)
	if raw.GetStmtLen() > 0 {
		end = start + int(raw.GetStmtLen())
	}
	if !within(sql, start, end) {
		return Statement{}, nil, false
	}
	start, end = trim(sql, start, end)
	st := Statement{Start: start, End: end, Line: 1, Column: 1, SQL: sql[start:end]}
	describe(&st, n)
	return st, n, true
}

// pieceBytes is how much of a large file is parsed at once. The trees of a file need a hundred times its size, so those
// of a large one are made again when they are asked for, piece by piece.
const pieceBytes = 48 << 10

// place is where a statement's tree is found again: its piece, and the offset in it.
type place struct{ piece, location int32 }

// piece is the one whose trees are at hand.
type piece struct {
	at    int
	nodes map[int32]*pg.Node // by location
}

// pieces cuts the text between statements. A text that could hold a semicolon inside a statement (BEGIN ATOMIC) is one
// piece.
func (c cleaned) pieces() []Range {
	var out []Range
	from := 0
	if !c.atomic {
		for _, end := range c.ends {
			if end-from >= pieceBytes {
				out = append(out, Range{from, end})
				from = end
			}
		}
	}
	if from < len(c.sql) || len(out) == 0 {
		out = append(out, Range{from, len(c.sql)})
	}
	return out
}

// Base is the byte of the file at which the locations in the tree of statement i begin to count.
func (s Script) Base(i int) int {
	if i < 0 || i >= len(s.places) || s.nodes != nil {
		return 0
	}
	return s.pieces[s.places[i].piece].Start
}

// again parses the piece of a statement once more.
func (s Script) again(i int) *pg.Node {
	p := s.places[i]
	if s.kept.at != int(p.piece) {
		r := s.pieces[p.piece]
		tree, err := parseTree(strings.TrimRight(s.sql[r.Start:r.End], " \t\r\n"))
		if err != nil {
			// it could be read before
			return nil
		}
		*s.kept = piece{int(p.piece), map[int32]*pg.Node{}}
		for _, raw := range tree.GetStmts() {
			s.kept.nodes[raw.GetStmtLocation()] = raw.GetStmt()
		}
	}
	return s.kept.nodes[p.location]
}
