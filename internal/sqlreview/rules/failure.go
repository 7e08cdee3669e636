package rules

import "fairlead/internal/sqlreview/report"

// failureRules speak last, of what no other rule said.
func failureRules() []Analyzer {
	return []Analyzer{
		{report.Rule{ID: "will-fail", Family: report.FamilyFailure, Severity: report.SeverityBlock,
			Why: "The server will refuse the statement, and the release stops there.",
			Do: "fairlead catalog dump --database URL -o catalog.json  # if the catalog is old\n# else correct " +
				"the statement: the message says what stands in its way",
			Server: "It is refused, with the message that is shown.",
			Unless: "Under a condition or exception handler: it may never run."}, willFail},
	}
}

func willFail(p *Pass) {
	if p.Claims.Fails == "" || p.Refuses || p.Alone && p.Unit < 0 {
		return
	}
	for _, f := range p.Diagnostics {
		if f.Rule.Family == report.FamilyFailure || f.Rule.ID == "add-required-column" {
			// it says so already
			return
		}
	}
	p.ReportAs(p.rule.Severity, p.State.Evidence(), 0, "this fails: %s", p.Claims.Fails)
}
