package render

import (
	"fmt"
	"io"
	"strings"

	"fairlead/internal/sqlreview/report"
)

// Annotations writes a report as the workflow commands that a CI run turns into remarks beside the changed lines, one
// finding a line.
func Annotations(w io.Writer, r report.Report) error {
	var out strings.Builder
	for _, f := range r.Findings {
		kind := bySeverity(f.Severity, "error", "warning", "notice")
		if f.Waived != nil {
			kind = "notice"
		}
		fmt.Fprintf(&out, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", kind, property(f.File), f.Line, f.Column,
			property("fairlead "+f.Rule),
			data(f.Message+"\n"+f.Why+"\nInstead:\n"+f.Do))
	}
	fmt.Fprint(&out, Summary(r))
	_, err := io.WriteString(w, out.String())
	return err
}

// data and property quote as the runner reads them, so that nothing in a migration can give it another command.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
