package sqltext

import (
	"fmt"
	"strings"
)

// WholeKind is the kind of the one statement of a script that Whole made.
const WholeKind = "WHOLE FILE"

// ParseOrWhole is Parse, and where the grammar does not know the text (it may be newer than this program), Whole. It
// gives whether the text was taken whole. Any other problem than that of the grammar is still an error.
func ParseOrWhole(sql []byte) (Script, bool, error) {
	script, err := Parse(sql)
	if err == nil {
		return script, false, nil
	}
	for _, p := range script.Problems {
		if p.Code != CodeSyntax && p.Code != CodeTooDeep {
			return script, false, p
		}
	}
	whole, other := Whole(sql)
	if other != nil {
		return script, false, other
	}
	return whole, true, nil
}

// Whole makes one unit of a text that is not understood: the server splits it, in one transaction. What would leave
// that transaction, needs rows of a client or is psql's own is refused by its words alone; the error is a *SyntaxError.
func Whole(sql []byte) (Script, error) {
	text := string(sql)
	script := Script{SHA256: digest(text), text: text, lines: indexLines(text)}
	if p := checkBytes(sql); p != nil {
		return script.refuse(p)
	}
	start, end, problem := wholeRange(text)
	if problem != nil {
		return script.refuse(problem)
	}
	if start == end {
		return script, nil
	}
	line, column := script.lines.position(start)
	st := Statement{Start: start, End: end, Line: line, Column: column, SHA256: digest(text[start:end]),
		SQL: text[start:end], Kind: WholeKind,
		Transactional: InTransaction}
	script.Statements = []Statement{st}
	script.Units = []Unit{{Kind: Undivided, SHA256: st.SHA256, Start: start, End: end, Statements: []Statement{st}}}
	return script, nil
}

// wholeRange gives the bytes from the first word to the last, or why the text must not be sent.
func wholeRange(text string) (start, end int, problem *SyntaxError) {
	scan := &scanner{text: text}
	if strings.HasPrefix(text, byteOrderMark) {
		scan.at = len(byteOrderMark)
	}
	// of the statement; whether END may close a body
	first, atomic := "", false
	var words copyWords
	for {
		tok, ok := scan.next()
		if !ok {
			return start, end, nil
		}
		piece := text[tok.start:tok.end]
		word := strings.ToLower(piece)
		switch {
		case tok.kind == tokenOpen:
			return 0, 0, problemAt(text, tok.start, CodeSyntax, "this quote or comment never ends")
		case piece == `\`:
			return 0, 0, problemAt(text, tok.start, CodeMeta,
				fmt.Sprintf("%q is a psql command, not SQL; it cannot be applied",
					metaName(text[tok.start:lineEnd(text, tok.start)])))
		case piece == ";":
			first, words = "", copyWords{}
			end = tok.end
			continue
		}
		atomic = atomic || word == "atomic"
		if reason := leaves(first, word, atomic); reason != "" {
			return 0, 0, problemAt(text, tok.start, CodeTransaction, reason)
		}
		if words.add(tok.kind, piece, 0); words.fromStdin() {
			return 0, 0, problemAt(text, tok.start, CodeSyntax,
				"rows behind COPY … FROM stdin are not applied; write them as INSERT")
		}
		if end == 0 {
			start = tok.start
		}
		if first == "" {
			first = word
		}
		end = tok.end
	}
}

// leaves says why a statement that begins so may leave the transaction, or "". first is the statement's first word, ""
// when word is.
func leaves(first, word string, atomic bool) string {
	switch {
	case first == "prepare" && word == "transaction":
	case first != "":
		return ""
	case word == "end" && atomic:
		return ""
	case word != "begin" && word != "start" && word != "commit" && word != "end" && word != "rollback" &&
		word != "abort" && word != "savepoint" && word != "release":
		return ""
	}
	return fmt.Sprintf("%s: a file that is not understood runs as one transaction, whose ends are not its own",
		strings.ToUpper(strings.TrimSpace(first+" "+word)))
}
