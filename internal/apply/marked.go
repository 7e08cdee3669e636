package apply

// Marked is a marker with the migration that it belongs to: its SHA-256 or, where a run applied it once more on
// purpose, what that run called it.
type Marked struct {
	Migration string `json:"migration"`
	Marker
}
