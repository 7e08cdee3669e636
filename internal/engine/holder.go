package engine

// HolderOf gives the holder of a run from its records: the one of the last takeover, or else of the opening. The zero Holder when the
// records begin with none.
func HolderOf(records []Record) Holder { return holderOf(records) }
