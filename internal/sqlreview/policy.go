package sqlreview

import (
	"fmt"
	"slices"
	"strings"
)

// Policy says what a team accepts. The zero value is strict.
type Policy struct {
	// AssumeRows, above zero, is taken as the size of every table that exists.
	AssumeRows int64
	// SmallRows is the size below which work on a table under a lock only
	// informs. Zero means 100,000; below zero, no table is small. It never
	// touches loss or compatibility.
	SmallRows int64
	// SmallBytes is the size from which a table is big however few rows it has,
	// where the catalog knows its size. Zero means 256 MiB.
	SmallBytes int64
	// Rules gives rules another severity; Check says what is allowed.
	Rules map[string]Level
	// TraceLowers lets a trial on a copy of the target's shape turn a block of
	// the lock family, which it disproves, into a warning.
	TraceLowers bool
	// Sequence carries what a file created over to the next one.
	Sequence bool
	// Unrecorded says that the runner keeps no record of what it applied, so
	// only guards make a script safe to run again.
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

// CheckLevel says why a rule cannot be given a level: it is not known, or it protects data, the running image, or the truth of the
// review itself, and then it can be raised but not lowered.
func CheckLevel(rule string, l Level) error {
	r, ok := Rules()[rule]
	switch {
	case !ok:
		return fmt.Errorf("there is no rule %q%s", rule, nearRule(rule))
	case !slices.Contains([]Level{LevelOff, LevelInfo, LevelWarn, LevelBlock}, l):
		return fmt.Errorf("%q is no level: off, info, warn and block are", string(l))
	case !r.lowers() && l != LevelBlock:
		return fmt.Errorf("%s is about %s: it can be block, and nothing less", rule, r.about())
	}
	return nil
}

// lowers says whether a team may make less of the rule.
func (r Rule) lowers() bool { return r.Family == FamilyLock || r.Family == FamilyBehaviour }

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

func nearRule(rule string) string {
	for id := range Rules() {
		if rule != "" && (strings.Contains(id, rule) || strings.Contains(rule, id)) {
			return fmt.Sprintf("; did you mean %q?", id)
		}
	}
	return ""
}

// level gives the severity that a finding has under the policy; false: it is not shown. A lock on a table that is known to be small
// informs at most, and a level that may not be given changes nothing.
func (p Policy) level(r Rule, s Severity) (Severity, bool) {
	l, ok := p.Rules[r.ID]
	switch {
	case !ok || CheckLevel(r.ID, l) != nil:
		return s, true
	case l == LevelOff:
		return s, false
	case r.Family == FamilyLock && s == SeverityInfo:
		return s, true
	}
	return Severity(l), true
}

// off says whether the policy has switched a rule off.
func (p Policy) off(rule string) bool {
	return p.Rules[rule] == LevelOff && CheckLevel(rule, LevelOff) == nil
}

const (
	smallRows  = 100_000
	smallBytes = 256 << 20
)

// small says whether a relation is known to be small.
func (s *state) small(n name, p Policy) bool {
	rows, bytes := p.SmallRows, p.SmallBytes
	if rows == 0 {
		rows = smallRows
	}
	if bytes == 0 {
		bytes = smallBytes
	}
	if s.rows(n, p) >= rows {
		return false
	}
	t := s.table(n)
	return p.AssumeRows > 0 || t == nil || t.Bytes < bytes
}
