// Package render writes a report: for a terminal, as Markdown, as SARIF, as annotations of a CI run; and the page of a
// rule.
package render

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"fairlead/internal/sqlreview/report"
)

const maxSourceLine = 160 // characters of a source line that are shown

// Text writes a report for a person at a terminal: each finding with its source line and a caret, why it matters and
// what to do instead. Sources maps the names of files to their bytes; a missing one costs only the line.
func Text(w io.Writer, r report.Report, sources map[string][]byte) error {
	out := &strings.Builder{}
	for _, f := range r.Findings {
		fmt.Fprintf(out, "%s:%d:%d: %s: %s [%s]\n", f.File, f.Line, f.Column, f.Severity, f.Message, f.Rule)
		if line, caret, ok := sourceLine(sources[f.File], f.Line, f.Column); ok {
			number := fmt.Sprint(f.Line)
			fmt.Fprintf(out, "  %s | %s\n  %s | %s\n", number, line, strings.Repeat(" ", len(number)), caret)
		}
		fmt.Fprintf(out, "  why  %s\n", f.Why)
		for i, line := range strings.Split(f.Do, "\n") {
			label := "do   "
			if i > 0 {
				label = "     "
			}
			fmt.Fprintf(out, "  %s%s\n", label, line)
		}
		if f.Waived != nil {
			fmt.Fprintf(out, "  %s  %s\n", f.Waived.How, f.Waived)
		}
		if note := policyNote(f); note != "" {
			fmt.Fprintf(out, "  note %s\n", note)
		}
		fmt.Fprintf(out, "  id   %s\n\n", f.Fingerprint)
	}
	for _, t := range r.Traces {
		again := "not tried"
		if t.Trace.Again != nil {
			again = "went through"
			if t.Trace.Again.Fails != "" {
				again = "failed at line " + fmt.Sprint(t.Trace.Again.Line)
			}
		}
		fmt.Fprintf(out, "%s on a scratch database: %d statements, %d disagreements with the claims; the second "+
			"run %s\n", t.File, len(t.Trace.Statements), len(t.Disagreements), again)
	}
	out.WriteString(Summary(r))
	_, err := io.WriteString(w, out.String())
	return err
}

// Summary is the report in one line.
func Summary(r report.Report) string {
	catalog := ""
	if !r.Catalog {
		catalog = "; without a catalog, so doubt blocks"
	}
	waived := ""
	if n := len(r.Waived()); n > 0 {
		waived = fmt.Sprintf(", %d waived", n)
	}
	if r.LeftOut > 0 {
		waived += fmt.Sprintf(", %d more not shown", r.LeftOut)
	}
	if r.Silenced > 0 {
		waived += fmt.Sprintf(", %d of rules that are switched off", r.Silenced)
	}
	return fmt.Sprintf("%s: %d block, %d warn%s; running image: %s; run again: %s; %d of %d statements reviewed%s\n",
		r.Verdict, count(r, report.SeverityBlock), count(r, report.SeverityWarn), waived, r.Compatibility, r.Idempotent,
		r.Coverage.Reviewed, r.Coverage.Total, catalog)
}

// policyNote says what a team's policy and a trial made of the finding.
func policyNote(f report.Finding) string {
	switch {
	case f.Disproved && f.Plain != "":
		return fmt.Sprintf("it would be %s; a trial on a copy of this shape saw no such work, and review.trace "+
			"is lowers", f.Plain)
	case f.Disproved:
		return "a trial saw no such work"
	case f.Plain != "":
		return fmt.Sprintf("it would be %s without review.rules", f.Plain)
	}
	return ""
}

// bySeverity gives the word of a format for a severity.
func bySeverity(s report.Severity, block, warn, info string) string {
	switch s {
	case report.SeverityBlock:
		return block
	case report.SeverityWarn:
		return warn
	}
	return info
}

func count(r report.Report, s report.Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s && f.Waived == nil {
			n++
		}
	}
	return n
}

// sourceLine gives a line of a file, made safe for a terminal, and a caret under its column. A long line is cut around
// the column.
func sourceLine(source []byte, line, column int) (text, caret string, ok bool) {
	lines := strings.SplitN(strings.TrimPrefix(string(source), "\ufeff"), "\n", line+1)
	if line < 1 || line > len(lines) {
		return "", "", false
	}
	runes := []rune(strings.TrimRight(lines[line-1], "\r"))
	from := 0
	if column > maxSourceLine {
		from = min(column-maxSourceLine/2, len(runes))
	}
	runes = runes[from:min(len(runes), from+maxSourceLine)]
	for i, r := range runes {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError {
			runes[i] = ' '
		}
	}
	return string(runes), strings.Repeat(" ", max(min(column-1-from, len(runes)), 0)) + "^", true
}
