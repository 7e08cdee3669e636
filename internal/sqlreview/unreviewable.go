package sqlreview

func unreviewable() Rule {
	return Rule{
		ID: "unreviewable", Family: FamilyUnreviewable, Severity: SeverityBlock,
		Why: "What cannot be read cannot be proved, so it does not reach production by itself.",
		Do:  "rewrite it as plain SQL, or have the engineering lead decide",
	}
}

func dynamicSQL() Rule {
	return Rule{
		ID: "dynamic-sql", Family: FamilyUnreviewable, Severity: SeverityBlock,
		Why: "The statement is put together while it runs, so nobody can tell before what it will do.",
		Do:  "write the statements out, or have the engineering lead decide",
	}
}

func transactionControl() Rule {
	return Rule{
		ID: "transaction-control", Family: FamilyUnreviewable, Severity: SeverityBlock,
		Why: "The file decides about transactions or the session in a way that would make exactly-once untrue.",
		Do:  "use plain BEGIN and COMMIT in pairs, or none at all",
	}
}

func notIdempotent() Rule {
	return Rule{
		ID: "not-idempotent", Family: FamilyRerun, Severity: SeverityBlock,
		Why: "If this stops half way, nobody can tell what was applied, and running it again fails or does it twice.",
		Do:  "use IF [NOT] EXISTS or ON CONFLICT, or put the statement into a transaction",
	}
}

func unknownStatement() Rule {
	return Rule{
		ID: "unknown-statement", Family: FamilyUnreviewable, Severity: SeverityWarn,
		Why: "The reviewer has no rule for this kind of statement.",
		Do:  "look up its lock and its effect on the running image",
	}
}
