package sqltext

import "strings"

type tokenKind int

const (
	tokenWord   tokenKind = iota + 1 // an unquoted word
	tokenQuoted                      // a quoted identifier
	tokenString                      // a string of any form, dollar quotes included
	tokenSymbol                      // one other byte, or a run of operator characters
	tokenOpen                        // a quote or comment that never ends
)

type token struct {
	kind       tokenKind
	start, end int
}

// scanner finds words, strings and comments as PostgreSQL's lexer does. It is used for what the grammar cannot see
// (psql commands, COPY data, depth); what a statement is, the grammar alone decides.
type scanner struct {
	text  string
	at    int
	notes []Range // comments that speak to fairlead
}

// noteMark begins what a comment says to fairlead.
const noteMark = "fairlead:"

// note remembers a comment that begins with the mark.
func (s *scanner) note(start, end int) {
	said := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(s.text[start:end], "--"), "/*"), " \t*")
	if strings.HasPrefix(said, noteMark) && len(s.notes) < maxNotes {
		s.notes = append(s.notes, Range{start, end})
	}
}

const maxNotes = 10_000

// next returns the next token, comments and white space passed over. The second result is false at the end.
func (s *scanner) next() (token, bool) {
	if open, ok := s.skip(); ok {
		return open, true
	}
	if s.at >= len(s.text) {
		return token{}, false
	}
	start, c := s.at, s.text[s.at]
	switch {
	case c == '\'':
		return s.quoted(start, tokenString, '\'', false), true
	case c == '"':
		return s.quoted(start, tokenQuoted, '"', false), true
	case c == '$':
		return s.dollar(start), true
	case wordStart(c):
		return s.word(start), true
	case c >= '0' && c <= '9':
		for s.at < len(s.text) && (wordPart(s.text[s.at]) && s.text[s.at] != '$' || s.text[s.at] == '.') {
			s.at++
		}
		return token{tokenWord, start, s.at}, true
	case strings.IndexByte(operatorBytes, c) >= 0:
		s.at++
		for s.at < len(s.text) && strings.IndexByte(operatorBytes, s.text[s.at]) >= 0 && !s.comment() {
			s.at++
		}
		return token{tokenSymbol, start, s.at}, true
	}
	s.at++
	return token{tokenSymbol, start, s.at}, true
}

const operatorBytes = "+-*/<>=~!@#%^&|`?:"

func (s *scanner) comment() bool {
	return strings.HasPrefix(s.text[s.at:], "--") || strings.HasPrefix(s.text[s.at:], "/*")
}

// skip passes over white space and comments; a comment without an end is a token.
func (s *scanner) skip() (token, bool) {
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			s.at++
		case strings.HasPrefix(s.text[s.at:], "--"):
			start, end := s.at, strings.IndexAny(s.text[s.at:], "\r\n")
			if end < 0 {
				end = len(s.text) - start
			}
			s.at += end
			s.note(start, s.at)
		case strings.HasPrefix(s.text[s.at:], "/*"):
			start := s.at
			if !s.block() {
				return token{tokenOpen, start, len(s.text)}, true
			}
			s.note(start, s.at)
		default:
			return token{}, false
		}
	}
	return token{}, false
}

func (s *scanner) block() bool {
	depth := 0
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch {
		case strings.HasPrefix(rest, "/*"):
			depth++
			s.at += 2
		case strings.HasPrefix(rest, "*/"):
			depth--
			s.at += 2
			if depth == 0 {
				return true
			}
		default:
			s.at++
		}
	}
	return false
}

func (s *scanner) quoted(start int, kind tokenKind, quote byte, escapes bool) token {
	s.at++
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		if escapes && c == '\\' {
			s.at = min(s.at+1, len(s.text))
			continue
		}
		if c != quote {
			continue
		}
		if s.at < len(s.text) && s.text[s.at] == quote {
			s.at++
			continue
		}
		if kind == tokenString && s.continued() {
			continue
		}
		return token{kind, start, s.at}
	}
	return token{tokenOpen, start, s.at}
}

// continued steps over white space with a line break when another piece of the same string follows it, as the standard
// allows.
func (s *scanner) continued() bool {
	at, broken := s.at, false
	for at < len(s.text) && strings.IndexByte(" \t\r\n\f\v", s.text[at]) >= 0 {
		broken = broken || s.text[at] == '\n' || s.text[at] == '\r'
		at++
	}
	if !broken || at >= len(s.text) || s.text[at] != '\'' {
		return false
	}
	s.at = at + 1
	return true
}

func (s *scanner) dollar(start int) token {
	end := s.at + 1
	for end < len(s.text) && wordPart(s.text[end]) && s.text[end] != '$' {
		end++
	}
	if end >= len(s.text) || s.text[end] != '$' || (end > s.at+1 && !wordStart(s.text[s.at+1])) {
		s.at++
		return token{tokenSymbol, start, s.at}
	}
	tag := s.text[start : end+1]
	body := strings.Index(s.text[end+1:], tag)
	if body < 0 {
		s.at = len(s.text)
		return token{tokenOpen, start, s.at}
	}
	s.at = end + 1 + body + len(tag)
	return token{tokenString, start, s.at}
}

func (s *scanner) word(start int) token {
	for s.at < len(s.text) && wordPart(s.text[s.at]) {
		s.at++
	}
	rest := s.text[s.at:]
	switch w := s.text[start:s.at]; {
	case len(w) == 1 && strings.ContainsAny(w, "eE") && strings.HasPrefix(rest, "'"):
		return s.quoted(start, tokenString, '\'', true)
	case len(w) == 1 && strings.ContainsAny(w, "bBxXnN") && strings.HasPrefix(rest, "'"):
		return s.quoted(start, tokenString, '\'', false)
	case len(w) == 1 && strings.ContainsAny(w, "uU") && strings.HasPrefix(rest, "&'"):
		s.at++
		return s.quoted(start, tokenString, '\'', false)
	case len(w) == 1 && strings.ContainsAny(w, "uU") && strings.HasPrefix(rest, `&"`):
		s.at++
		return s.quoted(start, tokenQuoted, '"', false)
	}
	return token{tokenWord, start, s.at}
}

func wordStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func wordPart(c byte) bool {
	return wordStart(c) || c >= '0' && c <= '9' || c == '$'
}
