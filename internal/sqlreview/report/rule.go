package report

// Family says what a rule protects. Only the lock family depends on sizes.
type Family string

// The families of rules.
const (
	// FamilyLoss: data is gone.
	FamilyLoss Family = "loss"
	// FamilyCompatibility: the running image breaks.
	FamilyCompatibility Family = "compatibility"
	// FamilyLock: work of the size of a table under a lock.
	FamilyLock Family = "lock"
	// FamilyFailure: the statement fails.
	FamilyFailure Family = "failure"
	// FamilyRerun: running it twice is not safe.
	FamilyRerun Family = "rerun"
	// FamilyUnreviewable: nobody can tell.
	FamilyUnreviewable Family = "unreviewable"
	// FamilyBehaviour: something changes that a person should know.
	FamilyBehaviour Family = "behaviour"
)

// Rule is what a finding says besides its place, and what its page says besides the finding.
type Rule struct {
	ID       string
	Family   Family
	Severity Severity
	// Why says what happens to production, Do what to write instead.
	Why, Do string
	// Server says which locks the server takes and what it does under them, Unless when the rule does not apply.
	Server, Unless string
	// OutsideTransaction says that Do is to run a statement outside a transaction: the advice then names what must
	// change in the tool that the file was written for.
	OutsideTransaction bool
	// TrialSeesNothing says that a trial without a finding proves nothing, although the rule is of the lock family.
	TrialSeesNothing bool
}

// Disprovable says whether a rule is about work that a trial sees: not about rows that are written, nor about locks
// that are asked for.
func (r Rule) Disprovable() bool { return r.Family == FamilyLock && !r.TrialSeesNothing }
