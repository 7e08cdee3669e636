package report

import ()

// PostgreSQL's lock modes, without those that disturb nobody.
const (
	AccessExclusive      = "ACCESS EXCLUSIVE"
	Exclusive            = "EXCLUSIVE"
	ShareRowExclusive    = "SHARE ROW EXCLUSIVE"
	Share                = "SHARE"
	ShareUpdateExclusive = "SHARE UPDATE EXCLUSIVE"
	RowExclusive         = "ROW EXCLUSIVE"
)

// LockModes gives PostgreSQL's lock modes, from weak to strong.
func LockModes() []string {
	return []string{"ACCESS SHARE", "ROW SHARE", RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive,
		Exclusive, AccessExclusive}
}
