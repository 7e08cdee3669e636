package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Expandable is text in which ${NAME} stands for a variable of the environment and $$ for a dollar sign. It is not
// secret.
type Expandable string

// Path is a file on this machine: variables are replaced, ~/ is the home directory, and anything relative is relative
// to the file that it stands in. Once loaded it is absolute. Paths on a host are plain strings of their owner.
type Path string

// String gives the path.
func (p Path) String() string { return string(p) }

// Secret is text in which variables are replaced and which never prints itself, in whatever way it is formatted or
// encoded.
type Secret struct{ value string }

// NewSecret keeps a value that came from elsewhere than a file.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal opens it, for adapters.
func (s Secret) Reveal() string { return s.value }

// Present tells whether there is a value.
func (s Secret) Present() bool { return s.value != "" }

// String gives "***", or "" for no value.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return "***"
}

// GoString gives the same as String, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText gives the same as String; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// expand replaces ${NAME} by the environment's value and $$ by $. A variable that is unset or empty is an error that
// names it. used hears the name of each variable. Errors never contain values.
func (p *origin) expand(s string, used func(string)) (string, error) {
	var out strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i == len(s)-1 {
			out.WriteString(s)
			return out.String(), nil
		}
		out.WriteString(s[:i])
		s = s[i:]
		switch s[1] {
		case '$':
			out.WriteByte('$')
			s = s[2:]
		case '{':
			name, rest, ok := strings.Cut(s[2:], "}")
			if !ok || !isVariable(name) {
				return "", errors.New("${ must be followed by the name of a variable and }; write $$ for a dollar sign")
			}
			v, set := p.env(name)
			if !set {
				return "", fmt.Errorf("the variable %s is not set", name)
			}
			if v == "" {
				return "", fmt.Errorf("the variable %s is empty", name)
			}
			used(name)
			out.WriteString(v)
			s = rest
		default:
			out.WriteByte('$')
			s = s[1:]
		}
	}
}

// resolve makes a path absolute.
func (p *origin) resolve(s string) (string, error) {
	if strings.ContainsRune(s, 0) {
		return "", errors.New("a path cannot contain a NUL byte")
	}
	if rest, ok := strings.CutPrefix(s, "~/"); ok {
		home, set := p.env("HOME")
		if !set || !filepath.IsAbs(home) {
			return "", errors.New("~/ stands for the home directory, but the variable HOME is not set")
		}
		return filepath.Join(home, rest), nil
	}
	if filepath.IsAbs(s) {
		return filepath.Clean(s), nil
	}
	return filepath.Join(p.dir, s), nil
}

// variableIn gives the first ${NAME} of a text that may not hold one.
func variableIn(s string) (string, bool) {
	for {
		_, rest, ok := strings.Cut(s, "${")
		if !ok {
			return "", false
		}
		if name, _, closed := strings.Cut(rest, "}"); closed && isVariable(name) {
			return "${" + name + "}", true
		}
		s = rest
	}
}

func isVariable(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
