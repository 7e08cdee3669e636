// Package view is the pages that commands show: values that say what is shown, and how each is written as plain text. A
// terminal prints the text; --json, and any other screen, takes the value. It looks at nothing by itself: package
// operate fills the pages. Start with Page, then plan.go.
package view

import (
	"fmt"
	"strings"

	"fairlead/internal/release"
	"fairlead/internal/ui"
)

// A Page is what a command shows. Encoded as JSON it is the answer for programs, Text is the one for people. The text
// of a page may hold what came from outside: who prints it cleans it.
type Page interface {
	Text() string
}

// Remarked is a page with sentences about the answer that are no part of its text.
type Remarked interface {
	Page
	Remarks() []string
}

// A sheet is the text of a page in the making.
type sheet struct {
	strings.Builder
	indent string
	width  int  // of the heads of fields
	clean  bool // a field stays on one line, whatever its text holds
}

// line adds one line.
func (s *sheet) line(format string, args ...any) { fmt.Fprintf(s, format+"\n", args...) }

// field adds a line with a head.
func (s *sheet) field(head, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.clean {
		text = ui.Clean(text)
	}
	s.line("%s%-*s%s", s.indent, s.width, head, text)
}

// fields adds a line each, the first one with a head.
func (s *sheet) fields(head string, texts []string) {
	for _, t := range texts {
		s.field(head, "%s", t)
		head = ""
	}
}

// megabytes writes a size as the pages of backups have it.
func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// seconds writes a number of milliseconds.
func seconds(ms int64) string { return fmt.Sprintf("%.2f s", float64(ms)/1000) }

// digestOf cuts a reference by digest to the twelve digits that people compare; "" and other references stay.
func digestOf(ref string) string {
	if _, digest, ok := strings.Cut(ref, "@sha256:"); ok {
		return digest[:min(12, len(digest))]
	}
	return ref
}

// images lists services with their digests.
func images(all []release.Image) string {
	var out []string
	for _, i := range all {
		out = append(out, i.Service+" "+i.Digest.Short())
	}
	return strings.Join(out, ", ")
}
