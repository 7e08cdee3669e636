package sqlreview

import "time"

// Input is everything a review looks at. Files are reviewed in order.
type Input struct {
	Files   []File
	Catalog *Catalog // nil: unknown, so doubt blocks
	Policy  Policy
	Waivers []Waiver
	// InPlace is how many units of the first file the catalog shows the effects of: they are not applied again, so nothing is said
	// about them.
	InPlace int
	Now     time.Time // decides what has expired; zero: exceptions and waivers count as expired
}

// File is one migration; Name is what findings are reported under.
type File struct {
	Name string
	SQL  []byte
}

// Policy says what a team accepts. The zero value is strict.
type Policy struct {
	// AssumeRows, above zero, is taken as the size of every table that exists.
	AssumeRows int64
	// SmallRows is the size below which work on a table under a lock is not
	// worth a word. Zero means 100,000. It never touches loss or compatibility.
	SmallRows int64
	// Sequence carries what a file created over to the next one.
	Sequence bool
	// Unrecorded says that the runner keeps no record of what it applied, so
	// only guards make a script safe to run again.
	Unrecorded bool
}

func (p Policy) small() int64 {
	if p.SmallRows > 0 {
		return p.SmallRows
	}
	return 100_000
}
