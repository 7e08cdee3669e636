package wire

import "strings"

// Quote makes one word for a POSIX shell of s, whatever it holds, on one line: a line break becomes "$N", which the
// shell that reads it must have set to a line break. It is the only place where shell text is made of data. NUL bytes,
// which no argument can hold, are left out.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case 0:
		case '\'':
			b.WriteString(`'"'"'`)
		case '\n':
			b.WriteString(`'"$N"'`)
		default:
			b.WriteByte(s[i])
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// QuoteAll quotes words and joins them by blanks.
func QuoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}
