package ui

import (
	"strings"

	"fairlead/internal/fault"
)

// A Style marks parts of a text; nil functions leave them plain.
type Style struct {
	Label   func(string) string // the names of the parts
	Command func(string) string // what can be pasted
	Faint   func(string) string // what is only for reference
}

const (
	labelWide   = 16 // columns before each part
	commandWide = 44 // columns of the longest command that keeps its reason on the same line
)

// Fault writes the three parts of a fault, aligned, with its code: lines end in newlines. Width is that of the
// terminal; text is broken at it, commands never are. 0 breaks nothing.
func Fault(f *fault.Fault, width int, s Style) string {
	var b strings.Builder
	part(&b, "what happened", f.Error(), width, s)
	part(&b, "what it means", f.Means, width, s)
	wide := 0
	for _, c := range f.Do {
		if n := Width(Clean(c.Line)); n <= commandWide {
			wide = max(wide, n)
		}
	}
	label := "what to do"
	for _, c := range f.Do {
		command(&b, label, c, wide, width, s)
		label = ""
	}
	if f.Code != "" {
		b.WriteString(mark(s.Faint, pad("code", labelWide)+string(f.Code)) + "\n")
	}
	return b.String()
}

func part(b *strings.Builder, label, text string, width int, s Style) {
	for _, paragraph := range strings.Split(text, "\n") {
		for _, line := range Wrap(Clean(paragraph), width-labelWide) {
			b.WriteString(mark(s.Label, pad(label, labelWide)) + line + "\n")
			label = ""
		}
	}
}

func command(b *strings.Builder, label string, c fault.Command, wide, width int, s Style) {
	line := Clean(c.Line)
	b.WriteString(mark(s.Label, pad(label, labelWide)) + mark(s.Command, line))
	if c.Why == "" {
		b.WriteString("\n")
		return
	}
	room := width - labelWide - wide - 2
	if Width(line) > wide || width > 0 && room < 20 {
		b.WriteString("\n")
		for _, w := range Wrap(Clean(c.Why), width-labelWide-2) {
			b.WriteString(pad("", labelWide+2) + mark(s.Faint, w) + "\n")
		}
		return
	}
	gap := pad("", wide-Width(line)+2)
	for _, w := range Wrap(Clean(c.Why), room) {
		b.WriteString(gap + mark(s.Faint, w) + "\n")
		gap = pad("", labelWide+wide+2)
	}
}

func mark(f func(string) string, s string) string {
	if f == nil || strings.TrimSpace(s) == "" {
		return s
	}
	return f(s)
}
