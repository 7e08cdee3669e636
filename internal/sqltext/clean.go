package sqltext

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxBytes is the size of the largest file that is read.
const MaxBytes = 16 << 20

// Limits that keep the memory of the parser bounded: a tree needs several hundred bytes for each word.
const (
	maxStatements = 400_000 // of one file
	maxWords      = 250_000 // of one statement; a quoted string is one
)

const maxProblems = 100 // of one file; the rest would say the same

const byteOrderMark = "\ufeff"

// cleaned is the user's text with everything blanked that is not SQL. Blanks have the length of what they replace, so
// every offset is the user's offset.
type cleaned struct {
	sql      string
	copies   []copyData
	notes    []Range
	ends     []int // after each semicolon between statements
	atomic   bool  // the word is in it, so a semicolon may stand inside a statement
	problems []*SyntaxError

	semicolons int // between statements
}

type copyData struct {
	semicolon int // offset of the semicolon of the COPY statement
	data      Range
}

func tooLarge() *SyntaxError {
	return &SyntaxError{Code: CodeTooLarge, Line: 1, Column: 1,
		Message: fmt.Sprintf("the file has more than %d MiB; it is not read", MaxBytes>>20)}
}

func checkBytes(sql []byte) *SyntaxError {
	if len(sql) > MaxBytes {
		return tooLarge()
	}
	return checkText(string(sql))
}

func checkText(text string) *SyntaxError {
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		return problemAt("", 0, CodeEncoding, "this is UTF-16; save the file as UTF-8")
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return problemAt(text, i, CodeEncoding, "a zero byte: this is not SQL text")
	}
	if utf8.ValidString(text) {
		return nil
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 {
			return problemAt(text, i, CodeEncoding,
				fmt.Sprintf("byte 0x%02x is not valid UTF-8; save the file as UTF-8", text[i]))
		}
		i += n
	}
	return nil
}

// clean walks the text once. It blanks the byte order mark, psql commands and COPY data, and refuses what is nested too
// deep.
func clean(text string) cleaned {
	out := cleaned{}
	blanks := blanks{text: text}
	scan := &scanner{text: text}
	if strings.HasPrefix(text, byteOrderMark) {
		blanks.add(0, len(byteOrderMark))
		scan.at = len(byteOrderMark)
	}
	var words copyWords
	var depth nesting
	// of the present statement
	began, count := 0, 0
	for {
		tok, ok := scan.next()
		if !ok || len(out.problems) == maxProblems {
			break
		}
		piece := text[tok.start:tok.end]
		if count++; count == 1 {
			began = tok.start
		}
		switch {
		case tok.kind == tokenOpen:
			out.problems = append(out.problems, problemAt(text, tok.start, CodeSyntax,
				"this quote or comment never ends"))
		case piece == `\`:
			end := lineEnd(text, tok.start)
			out.problems = append(out.problems, problemAt(text, tok.start, CodeMeta,
				fmt.Sprintf("%q is a psql command, not SQL; it cannot be reviewed or applied",
					metaName(text[tok.start:end]))))
			blanks.add(tok.start, end)
			scan.at = end
			continue
		case len(piece) == 6 && strings.EqualFold(piece, "atomic"):
			out.atomic = true
		case piece == ";" && depth.open() == 0:
			out.semicolons++
			count = 0
			if len(out.ends) == 0 || tok.end-out.ends[len(out.ends)-1] > pieceBytes/16 {
				out.ends = append(out.ends, tok.end)
			}
			if words.fromStdin() {
				data, after := copyLines(text, tok.end)
				out.copies = append(out.copies, copyData{tok.start, data})
				blanks.add(tok.end, after)
				scan.at = after
			}
			words = copyWords{}
		}
		if words.add(tok.kind, piece, depth.open()); depth.add(tok.kind, piece) > MaxDepth {
			out.problems = append(out.problems, problemAt(text, tok.start, CodeTooDeep,
				fmt.Sprintf("nested more than %d deep; the parser's stack is limited", MaxDepth)))
			return out
		}
		if count > maxWords || out.semicolons > maxStatements {
			out.problems = append(out.problems, problemAt(text, began, CodeTooLarge,
				fmt.Sprintf("more than %d words in one statement, or more than %d statements: split it; the parser's "+
					"memory is limited", maxWords, maxStatements)))
			return out
		}
	}
	out.sql, out.notes = blanks.text, scan.notes
	if blanks.bytes != nil {
		out.sql = string(blanks.bytes)
	}
	return out
}

func metaName(line string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	if len(name) > 20 {
		name = strings.ToValidUTF8(name[:20], "")
	}
	return name
}

// blanks is a text of which parts become spaces; it is copied when the first does.
type blanks struct {
	text  string
	bytes []byte
}

func (b *blanks) add(start, end int) {
	if b.bytes == nil {
		b.bytes = []byte(b.text)
	}
	for i := start; i < end; i++ {
		if b.bytes[i] != '\n' && b.bytes[i] != '\r' {
			b.bytes[i] = ' '
		}
	}
}

func lineEnd(text string, from int) int {
	if i := strings.IndexByte(text[from:], '\n'); i >= 0 {
		return from + i
	}
	return len(text)
}

// copyLines finds the rows after "COPY … FROM stdin;": from the next line up to a line that is \. or the end of the
// file.
func copyLines(text string, from int) (Range, int) {
	at := min(lineEnd(text, from)+1, len(text))
	data := Range{at, at}
	for at < len(text) {
		end := lineEnd(text, at)
		if strings.TrimSuffix(text[at:end], "\r") == `\.` {
			return data, end
		}
		at = min(end+1, len(text))
		data.End = at
	}
	return data, len(text)
}

// copyWords remembers whether the words of one statement read COPY … FROM stdin.
type copyWords struct {
	first, previous string
	stdin           bool
}

func (c *copyWords) add(kind tokenKind, piece string, depth int) {
	if piece == ";" {
		return
	}
	if c.first == "" {
		c.first = piece
	}
	if kind == tokenWord && depth == 0 && strings.EqualFold(piece, "stdin") && strings.EqualFold(c.previous, "from") {
		c.stdin = true
	}
	c.previous = piece
}

func (c *copyWords) fromStdin() bool { return c.stdin && strings.EqualFold(c.first, "copy") }

// nesting bounds the depth of the tree that a text can give: parentheses and brackets inside one another, plus chains
// such as a || b || c, which the grammar nests to the left. A comma or semicolon ends a chain.
type nesting struct {
	chains []int
	total  int
}

func (n *nesting) open() int { return max(len(n.chains)-1, 0) }

func (n *nesting) add(kind tokenKind, piece string) int {
	if len(n.chains) == 0 {
		n.chains = []int{0}
	}
	last := len(n.chains) - 1
	switch {
	case kind == tokenSymbol && (piece == "(" || piece == "["):
		n.chains = append(n.chains, 0)
		n.total++
	case kind == tokenSymbol && (piece == ")" || piece == "]"):
		if last > 0 {
			n.total -= n.chains[last] + 1
			n.chains = n.chains[:last]
		}
	case kind == tokenSymbol && (piece == "," || piece == ";"):
		n.total -= n.chains[last]
		n.chains[last] = 0
	case kind == tokenSymbol && strings.Contains(" = < > <= >= <> != . : := => ", " "+piece+" "):
		// comparisons do not chain, and AND and OR are flat
	case kind == tokenSymbol, kind == tokenWord && chainWord(piece):
		n.chains[last]++
		n.total++
	}
	return n.total
}

func chainWord(word string) bool {
	if len(word) > 11 {
		return false
	}
	switch strings.ToLower(word) {
	case "not", "union", "except", "intersect", "join", "collate", "at", "case", "else", "operator", "explain":
		return true
	}
	return false
}
