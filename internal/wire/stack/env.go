package stack

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxEnv is the largest env file that is read, in bytes.
const MaxEnv = 1 << 20

// The reasons why an env file is not touched; test with errors.Is.
var (
	// ErrEnvFile: compose itself could not read it, or it is too large.
	ErrEnvFile = errors.New("the env file cannot be read")
	// ErrDuplicate: an image key stands in it twice; compose uses the last one, a person may edit the first.
	ErrDuplicate = errors.New("the key stands twice")
	// ErrInherited: the key stands without a value, which compose takes from the shell.
	ErrInherited = errors.New("the key has no value of its own")
)

// An EnvFile is an env file as compose reads it, with the place of every value.
type EnvFile struct {
	content []byte
	entries []entry
}

// entry is one statement. The value's own bytes, without quotes, are content[from:to].
type entry struct {
	key       string
	from, to  int
	inherited bool
	line      int
}

// ParseEnv reads an env file by compose's rules (compose-go's dotenv): comments, export, "KEY: value", quotes over
// several lines, " #" after a bare value. It gives ErrEnvFile where compose would fail.
func ParseEnv(content []byte) (EnvFile, error) {
	if len(content) > MaxEnv {
		return EnvFile{}, fmt.Errorf("%w: it is larger than %d bytes", ErrEnvFile, MaxEnv)
	}
	p := envParser{src: string(content), line: 1}
	p.at = len(p.src) - len(strings.TrimPrefix(p.src, "\ufeff"))
	f := EnvFile{content: content}
	for p.skip() {
		e, err := p.statement()
		if err != nil {
			return EnvFile{}, fmt.Errorf("%w: line %d: %v", ErrEnvFile, p.line, err)
		}
		f.entries = append(f.entries, e)
	}
	return f, nil
}

// Names lists the keys in the order of the file, repetitions included.
func (f EnvFile) Names() []string {
	var names []string
	for _, e := range f.entries {
		names = append(names, e.key)
	}
	return names
}

// Value gives the last value of a key as it is written, without quotes; variables in it are not replaced.
func (f EnvFile) Value(key string) (string, bool) {
	for i := len(f.entries) - 1; i >= 0; i-- {
		if e := f.entries[i]; e.key == key && !e.inherited {
			return string(f.content[e.from:e.to]), true
		}
	}
	return "", false
}

// Set gives the content with the value of one key replaced, every other byte kept; a key that is missing is appended. A
// value that would need quotes is refused. ErrDuplicate and ErrInherited tell why a key is not touched.
func (f EnvFile) Set(key, value string) ([]byte, error) {
	if value == "" || strings.ContainsAny(value, " \t\r\n\v\f\"'$`\\#\x00") || !utf8.ValidString(value) {
		return nil, fmt.Errorf("the value for %s needs quotes", key)
	}
	var found []entry
	for _, e := range f.entries {
		if e.key == key {
			found = append(found, e)
		}
	}
	switch {
	case len(found) > 1:
		return nil, fmt.Errorf("%s: %w (lines %d and %d)", key, ErrDuplicate, found[0].line, found[1].line)
	case len(found) == 0:
		return f.append(key, value), nil
	case found[0].inherited:
		return nil, fmt.Errorf("%s: %w (line %d)", key, ErrInherited, found[0].line)
	}
	e := found[0]
	return bytes.Join([][]byte{f.content[:e.from], []byte(value), f.content[e.to:]}, nil), nil
}

func (f EnvFile) append(key, value string) []byte {
	end := "\n"
	if bytes.Contains(f.content, []byte("\r\n")) {
		end = "\r\n"
	}
	out := bytes.Clone(f.content)
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, end...)
	}
	return append(out, key+"="+value+end...)
}

// envParser walks over an env file.
type envParser struct {
	src  string
	at   int
	line int
}

// skip goes to the next statement and tells whether there is one.
func (p *envParser) skip() bool {
	for p.at < len(p.src) {
		r, n := utf8.DecodeRuneInString(p.src[p.at:])
		switch {
		case r == '\n':
			p.line++
			p.at += n
		case unicode.IsSpace(r):
			p.at += n
		case r == '#':
			p.at += lineLength(p.src[p.at:])
		default:
			return true
		}
	}
	return false
}

func (p *envParser) statement() (entry, error) {
	e := entry{line: p.line}
	if rest, ok := strings.CutPrefix(p.src[p.at:], "export"); ok && strings.TrimLeftFunc(rest, isSpace) != rest {
		p.at += len("export")
		p.blanks()
	}
	end, mark := p.keyEnd()
	if mark == 0 {
		return e, fmt.Errorf("unexpected character in a variable's name")
	}
	e.key = strings.TrimRightFunc(p.src[p.at:end], unicode.IsSpace)
	if strings.Contains(e.key, " ") {
		return e, fmt.Errorf("a key cannot contain a blank")
	}
	p.at = end
	if mark == '\n' {
		e.inherited = true
		return e, nil
	}
	p.at++
	p.blanks()
	return p.value(e)
}

// keyEnd finds where the key ends and by what: '=', ':' or '\n' (also the end of the file); 0 for a malformed key.
func (p *envParser) keyEnd() (int, byte) {
	for i, r := range p.src[p.at:] {
		switch {
		case r == '=' || r == ':' || r == '\n':
			return p.at + i, byte(r)
		case isSpace(r), strings.ContainsRune("_.-[]", r), unicode.IsLetter(r), unicode.IsNumber(r):
		default:
			return 0, 0
		}
	}
	return len(p.src), '\n'
}

func (p *envParser) value(e entry) (entry, error) {
	rest := p.src[p.at:]
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		return p.quoted(e, rest[0])
	}
	n := lineLength(rest)
	bare, _, _ := strings.Cut(rest[:n], " #")
	bare = strings.TrimRightFunc(bare, unicode.IsSpace)
	e.from, e.to = p.at, p.at+len(bare)
	p.at += n
	return e, nil
}

func (p *envParser) quoted(e entry, quote byte) (entry, error) {
	e.from = p.at + 1
	escaped := false
	for i := e.from; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == quote && !escaped:
			e.to, p.at = i, i+1
			return e, nil
		case c == '\\' && !escaped:
			escaped = true
			continue
		case c == '\n':
			p.line++
		}
		escaped = false
	}
	return e, fmt.Errorf("a quoted value does not end")
}

func (p *envParser) blanks() {
	p.at = len(p.src) - len(strings.TrimLeftFunc(p.src[p.at:], isSpace))
}

func lineLength(s string) int {
	line, _, _ := strings.Cut(s, "\n")
	return len(line)
}

// isSpace is compose's own idea of a blank within a line.
func isSpace(r rune) bool {
	return strings.ContainsRune("\t\v\f\r \u0085\u00A0", r)
}
