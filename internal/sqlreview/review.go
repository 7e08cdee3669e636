package sqlreview

import (
	"time"

	"fairlead/internal/sqltext"
)

// Input is everything a review looks at. Files are reviewed in order.
type Input struct {
	Files   []File
	Catalog *Catalog // nil: unknown, so doubt blocks
	Policy  Policy
	Waivers []Waiver
	// InPlace is how many units of the first file the catalog shows the effects of: they are not applied again, so
	// nothing is said about them.
	InPlace int
	Now     time.Time // decides what has expired; zero: exceptions and waivers count as expired
}

// File is one migration; Name is what findings are reported under. Script is SQL as it was parsed already; nil lets the
// review parse it.
type File struct {
	Name   string
	SQL    []byte
	Script *sqltext.Script
}

func (f File) parsed() (sqltext.Script, error) {
	if f.Script != nil {
		return f.Script.Parsed()
	}
	return sqltext.Review(f.SQL)
}
