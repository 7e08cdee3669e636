package sqlreview

// Family says what a rule protects. Only the lock family depends on sizes.
type Family string

// The families of rules.
const (
	FamilyLoss          Family = "loss"          // data is gone
	FamilyCompatibility Family = "compatibility" // the running image breaks
	FamilyLock          Family = "lock"          // table-size work under a lock
	FamilyFailure       Family = "failure"       // the statement fails
	FamilyRerun         Family = "rerun"         // running it twice is not safe
	FamilyUnreviewable  Family = "unreviewable"  // nobody can tell
	FamilyBehaviour     Family = "behaviour"     // something changes that a person should know
)

// Rule is what a finding says besides its place.
type Rule struct {
	ID       string
	Family   Family
	Severity Severity
	Why      string
	Do       string
}

// Analyzer is one rule and the function that finds it in one statement.
type Analyzer struct {
	Rule  Rule
	Check func(p *pass)
}

// Analyzers lists all rules in the order in which they look.
func Analyzers() []Analyzer {
	return []Analyzer{
		dropTable(), dropColumn(), dropSchema(), dropDatabase(), dropView(), dropObject(), truncate(),
		deleteNoWhere(), overwriteNoWhere(), backfillNoWhere(),
		addRequiredColumn(), renameColumn(), renameTable(), renameObject(), enumRenameValue(),
		concurrentlyInTx(), enumSameTx(), validateSameTx(),
		setNotNullScan(), indexNotConcurrent(), volatileDefault(), identityRewrite(), typeRewrite(), typeRecheck(), typeMeaning(),
		checkNotValid(), fkNotValid(), uniqueConstraint(), addPrimaryKey(), reindex(), vacuumFull(), tableRewrite(),
		matviewRefresh(), attachPartition(), detachPartition(), partitionOf(),
		dropIndex(), dropNotNull(), dropDefault(), createTrigger(), rls(), revoke(), ownerChange(),
		indexWithoutStatistics(), explicitLock(), sessionGuardOff(), alterSystem(), domainConstraint(), calledFunction(), workUnderLock(), lockTimeoutOff(), willFail(),
	}
}

// Rules gives every rule by id, those that need no statement included.
func Rules() map[string]Rule {
	out := map[string]Rule{}
	for _, a := range Analyzers() {
		out[a.Rule.ID] = a.Rule
	}
	for _, r := range []Rule{unreviewable(), dynamicSQL(), transactionControl(), toolTransaction(), notIdempotent(), unknownStatement(), badException(), unusedException(), traceFailed(), traceDisagrees(), traceRerun()} {
		out[r.ID] = r
	}
	return out
}
