package ui

import (
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// Clean makes foreign text safe for one line of a terminal: escape sequences go, control characters and characters that
// turn the direction of writing become spaces, runs of spaces become one.
func Clean(s string) string {
	return strings.Join(strings.FieldsFunc(withoutSequences(s), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar ||
			unicode.Is(unicode.Bidi_Control, r)
	}), " ")
}

// withoutSequences drops what follows an escape character up to the end of its sequence (ESC [ … letter).
func withoutSequences(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		s = strings.TrimLeft(rest, "0123456789;:?<=> ")
		if s != "" && s[0] >= 0x40 && s[0] <= 0x7e {
			s = s[1:]
		}
	}
}

// terminal measures without a look at the locale: characters of ambiguous width take one column.
func terminal() *runewidth.Condition { return &runewidth.Condition{StrictEmojiNeutral: true} }

// Width is the number of columns of a text: two for most East Asian characters and emoji, none for combining marks.
func Width(s string) int { return terminal().StringWidth(s) }

// Clip shortens text to a number of columns, the last one an ellipsis.
func Clip(s string, most int) string {
	if most <= 0 {
		return ""
	}
	if Width(s) <= most {
		return s
	}
	return strings.TrimRight(terminal().Truncate(s, most-1, ""), " ") + "…"
}

// Wrap breaks text between words into lines of at most width columns, except for a longer word; a width below 20 breaks
// nothing.
func Wrap(text string, width int) []string {
	if width < 20 {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && Width(line)+1+Width(w) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}

// pad fills with spaces up to a number of columns.
func pad(s string, columns int) string { return terminal().FillRight(s, columns) }

// Plain takes control characters out of a text of several lines, so that it cannot move a cursor or hide a line. It
// keeps line breaks and tabs.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}

// Table writes columns of equal width, two spaces apart; the last one is left as it is.
func Table(rows [][]string) string {
	var widths []int
	for _, r := range rows {
		for i, cell := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(Clean(cell)))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		line := ""
		for i, cell := range r {
			line += pad(Clean(cell), widths[i]+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
