package report

import (
	"fmt"
	"slices"

	"fairlead/internal/sqlreview/catalog"
)

// Policy says what a team accepts. The zero value is strict.
type Policy struct {
	// AssumeRows, above zero, is taken as the size of every table that exists.
	AssumeRows int64
	// SmallRows is the size below which work on a table under a lock only informs. Zero means 100,000; below zero, no
	// table is small. It never touches loss or compatibility.
	SmallRows int64
	// SmallBytes is the size from which a table is big however few rows it has, where the catalog knows its size. Zero
	// means 256 MiB.
	SmallBytes int64
	// Rules gives rules another severity; Check says what is allowed.
	Rules map[string]Level
	// TraceLowers lets a trial on a copy of the target's shape turn a block of the lock family, which it disproves,
	// into a warning.
	TraceLowers bool
	// Sequence carries what a file created over to the next one.
	Sequence bool
	// Unrecorded says that the runner keeps no record of what it applied, so only guards make a script safe to run
	// again.
	Unrecorded bool
}

// Level is what a team makes of a rule: a severity, or off.
type Level string

// The levels.
const (
	LevelOff   Level = "off"
	LevelInfo  Level = "info"
	LevelWarn  Level = "warn"
	LevelBlock Level = "block"
)

// CanLower says whether a team may make less of the rule.
func (r Rule) CanLower() bool { return r.Family == FamilyLock || r.Family == FamilyBehaviour }

// CheckLevel says why the rule cannot be given a level: it protects data, the running image, or the truth of the review
// itself, and then it can be raised but not lowered.
func (r Rule) CheckLevel(l Level) error {
	switch {
	case !slices.Contains([]Level{LevelOff, LevelInfo, LevelWarn, LevelBlock}, l):
		return fmt.Errorf("%q is no level: off, info, warn and block are", string(l))
	case !r.CanLower() && l != LevelBlock:
		return fmt.Errorf("%s is about %s: it can be block, and nothing less", r.ID, r.about())
	}
	return nil
}

func (r Rule) about() string {
	switch r.Family {
	case FamilyLoss:
		return "lost data"
	case FamilyCompatibility:
		return "the running image"
	case FamilyFailure:
		return "statements that fail"
	case FamilyRerun:
		return "running twice"
	}
	return "what cannot be reviewed"
}

// Weigh gives the severity that a finding has under the policy; false: it is not shown. A lock on a table that is known
// to be small informs at most, and a level that may not be given changes nothing.
func (p Policy) Weigh(r Rule, s Severity) (Severity, bool) {
	l, ok := p.Rules[r.ID]
	switch {
	case !ok || r.CheckLevel(l) != nil:
		return s, true
	case l == LevelOff:
		return s, false
	case r.Family == FamilyLock && s == SeverityInfo:
		return s, true
	}
	return Severity(l), true
}

const (
	smallRows  = 100_000
	smallBytes = 256 << 20
)

// Small says whether a relation is known to be small; of nil nothing is known.
func (p Policy) Small(t *catalog.Table) bool {
	rows, least, bytes := int64(1<<62), p.SmallRows, p.SmallBytes
	switch {
	case p.AssumeRows > 0:
		rows = p.AssumeRows
	case t != nil && t.Rows >= 0:
		rows = t.Rows
	}
	if least == 0 {
		least = smallRows
	}
	if bytes == 0 {
		bytes = smallBytes
	}
	return rows < least && (p.AssumeRows > 0 || t == nil || t.Bytes < bytes)
}

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
