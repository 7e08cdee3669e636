// Package floors holds the house together: its tests read the imports of every file and fail when an arrow does not
// point down. It is no program and nothing imports it. Start with house, the drawing of docs/architecture.md as a
// value.
package floors
