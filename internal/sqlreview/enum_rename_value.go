package sqlreview

func enumRenameValue() Analyzer {
	rule := Rule{
		ID: "enum-rename-value", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "The running image still writes and reads the old label.",
		Do:  "add the new value, migrate the rows, retire the old value later",
	}
	return Analyzer{rule, func(p *pass) {
		if e := p.node.GetAlterEnumStmt(); e.GetOldVal() != "" {
			p.breaks(Incompatible)
			p.report(rule, 0, "enum value %q is renamed to %q", e.GetOldVal(), e.GetNewVal())
		}
	}}
}
