package sqltext

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// Code says why a text cannot be applied.
type Code string

// The reasons why a text is refused. Each comes with a position.
const (
	CodeSyntax      Code = "syntax"             // PostgreSQL's grammar rejects it
	CodeEncoding    Code = "encoding"           // not UTF-8 text
	CodeTooLarge    Code = "too-large"          // more than MaxBytes
	CodeTooDeep     Code = "too-deep"           // nested beyond MaxDepth
	CodeMeta        Code = "meta-command"       // a psql command such as \i or \q
	CodeTransaction Code = "transaction"        // transaction control that fairlead must have for itself
	CodeInBlock     Code = "concurrently-in-tx" // a statement inside BEGIN … COMMIT that PostgreSQL refuses there
	CodeSession     Code = "session"            // changes who the session is
)

// SyntaxError says where and why a text cannot be applied. Line and Column count from one in the user's file; Offset is
// the byte.
type SyntaxError struct {
	Code    Code
	Line    int
	Column  int
	Offset  int
	Message string
}

// Error gives position and message.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

func problemAt(text string, offset int, code Code, message string) *SyntaxError {
	line, column := positionIn(text, offset)
	return &SyntaxError{Code: code, Line: line, Column: column, Offset: offset, Message: message}
}

func positionIn(text string, offset int) (line, column int) {
	return indexLines(text).position(offset)
}

// byteOf turns a character index of the parser (from one) into a byte offset.
func byteOf(text string, cursor int) int {
	if cursor <= 0 {
		return 0
	}
	n := 0
	for i := range text {
		n++
		if n == cursor {
			return i
		}
	}
	return len(text)
}

// lineIndex finds positions without walking the text again for each: where lines start, and how many characters stand
// before each block of bytes.
type lineIndex struct {
	text   string
	starts []int
	before []int
	plain  bool // a character is a byte
}

const lineBlock = 1024

func indexLines(text string) lineIndex {
	ix := lineIndex{text: text, starts: []int{0}, before: make([]int, 0, len(text)/lineBlock+1)}
	characters := 0
	for i := 0; i < len(text); i++ {
		if i%lineBlock == 0 {
			ix.before = append(ix.before, characters)
		}
		if utf8.RuneStart(text[i]) {
			characters++
		}
		if text[i] == '\n' {
			ix.starts = append(ix.starts, i+1)
		}
	}
	ix.plain = characters == len(text)
	return ix
}

func (ix lineIndex) position(offset int) (line, column int) {
	offset = min(max(offset, 0), len(ix.text))
	line = sort.SearchInts(ix.starts, offset+1)
	start := ix.starts[line-1]
	if line == 1 && strings.HasPrefix(ix.text, byteOrderMark) {
		start = min(len(byteOrderMark), offset)
	}
	return line, ix.characters(offset) - ix.characters(start) + 1
}

// characters counts those that begin before a byte.
func (ix lineIndex) characters(offset int) int {
	if ix.plain {
		return offset
	}
	block := offset / lineBlock
	if block >= len(ix.before) {
		block = len(ix.before) - 1
	}
	if block < 0 {
		return 0
	}
	n := ix.before[block]
	for i := block * lineBlock; i < offset; i++ {
		if utf8.RuneStart(ix.text[i]) {
			n++
		}
	}
	return n
}
