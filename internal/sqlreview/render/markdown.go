package render

import (
	"fmt"
	"io"
	"strings"

	"fairlead/internal/sqlreview/report"
)

// Markdown writes the note for the person who decides when a review blocks: the verdict, what the running image meets,
// and each finding with its SQL.
func Markdown(w io.Writer, r report.Report, sources map[string][]byte) error {
	out := &strings.Builder{}
	fmt.Fprintf(out, "## Migration review: %s\n\n", r.Verdict)
	fmt.Fprintf(out, "- Can the image that runs now work on the new schema? **%s**\n", r.Compatibility)
	fmt.Fprintf(out, "- Is it harmless to run it again? **%s**\n", r.Idempotent)
	fmt.Fprintf(out, "- Reviewed: %d of %d statements%s\n", r.Coverage.Reviewed, r.Coverage.Total, withCatalog(r))
	for _, f := range r.Files {
		fmt.Fprintf(out, "- File: %s, sha256 `%s`\n", code(f.Name), f.SHA256)
	}
	for _, f := range r.Findings {
		if f.Severity == report.SeverityInfo {
			continue
		}
		fmt.Fprintf(out, "\n### %s: %s\n\n%s, line %d, column %d: %s\n\n", f.Severity, f.Rule, code(f.File), f.Line,
			f.Column, plain(f.Message))
		if line, _, ok := sourceLine(sources[f.File], f.Line, f.Column); ok {
			fmt.Fprintf(out, "%s\n\n", fence(line))
		}
		if f.Waived != nil {
			fmt.Fprintf(out, "Does not block: %s %s\n\n", f.Waived.How, plain(f.Waived.String()))
		}
		if note := policyNote(f); note != "" {
			fmt.Fprintf(out, "Policy: %s.\n\n", note)
		}
		fmt.Fprintf(out, "%s\n\nInstead:\n\n%s\n\nFingerprint `%s`, evidence: %s\n", f.Why, fence(f.Do), f.Fingerprint,
			f.Evidence)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func withCatalog(r report.Report) string {
	if r.Catalog {
		return ", with the catalog of the target"
	}
	return ", without a catalog, so doubt blocks"
}

// fence quotes SQL so that nothing in it can end the quotation.
func fence(s string) string {
	mark := "```"
	for strings.Contains(s, mark) {
		mark += "`"
	}
	return mark + "sql\n" + s + "\n" + mark
}

func code(s string) string {
	return "`" + strings.NewReplacer("`", "'", "\n", " ", "\r", " ").Replace(s) + "`"
}

// plain keeps what comes from the SQL from being read as Markdown.
func plain(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "`", "'", "*", `\*`, "_", `\_`, "[", `\[`, "<", "&lt;", "|", `\|`,
		"@", "@\u200b").Replace(s)
}
