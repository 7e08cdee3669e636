package engine

// HolderOf gives the holder of a run from its records: the one of the last takeover, or else of the opening. The zero
// Holder when the records begin with none.
func HolderOf(records []Record) Holder {
	var h Holder
	for _, r := range records {
		switch r.Verdict {
		case Opened:
			o, _ := decode[Opening](r)
			h = o.Holder
		case Taken:
			t, _ := decode[Takeover](r)
			h = t.Holder
		}
	}
	return h
}
