package sqlreview

func willFail() Analyzer {
	rule := Rule{
		ID: "will-fail", Family: FamilyFailure, Severity: SeverityBlock,
		Why: "The server will refuse the statement, and the release stops there.",
		Do:  "fairlead catalog dump --database URL -o catalog.json  # if the catalog is old\n# else correct the statement: the message says what stands in its way",
	}
	return Analyzer{rule, func(p *pass) {
		if p.claims.Fails == "" || p.refuses || p.alone && p.unit < 0 {
			return
		}
		for _, f := range p.findings {
			if f.rule.Family == FamilyFailure || f.rule.ID == addRequiredColumn().Rule.ID {
				return // it says so already
			}
		}
		p.reportAs(rule, rule.Severity, p.evidence(), 0, "this fails: %s", p.claims.Fails)
	}}
}

func (p *pass) evidence() string {
	if p.state.catalog != nil {
		return "catalog"
	}
	return "text"
}

// fail claims that the server refuses the statement. What stands under a
// condition may never run.
func (p *pass) fail(yes bool, message string) {
	if yes && !p.doubt && p.claims.Fails == "" {
		p.claims.Fails = message
	}
}

// failIf claims that rows, or something else that no catalog tells, can make
// the statement fail.
func (p *pass) failIf(reason string) {
	if p.claims.FailsIf == "" {
		p.claims.FailsIf = reason
	}
}

const violated = "a row violates it"
