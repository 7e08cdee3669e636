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
