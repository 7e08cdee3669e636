// Package sqltext reads a migration once: exact bytes in, statements and units out. Reviewer and applier use the same
// table of units, so what was reviewed is what runs. It does no I/O and judges nothing; it only says which statements
// commit together and which text cannot be applied at all.
//
// Start at Parse, then Script and Unit.
//
// The rules for units: maximal runs of statements that may share a transaction are one unit. Statements between BEGIN
// and COMMIT are a unit of their own. A statement that can be in no transaction stands alone. Outside BEGIN and COMMIT
// a run is also cut where sharing one transaction would break or harm the script: before VALIDATE CONSTRAINT when the
// same run altered that table (the strong lock would be held for the whole scan), and before the first use of an enum
// value that the run adds (PostgreSQL refuses that use).
package sqltext

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// Mode says how a statement stands to transactions.
type Mode string

// The modes of a statement. The zero value means that nothing was decided.
const (
	InTransaction Mode = "in-transaction" // may share a transaction
	NoTransaction Mode = "no-transaction" // PostgreSQL refuses it inside one
)

// UnitKind says how a unit is applied.
type UnitKind string

// The kinds of unit. The zero value means that nothing was decided.
const (
	Together UnitKind = "together" // one transaction, with the marker in it
	Alone    UnitKind = "alone"    // one statement, no transaction around it
	// Undivided is a whole file that was not understood: one transaction, which the server splits into statements. The
	// marker goes in last, when it is certain that the transaction is still the one that was begun.
	Undivided UnitKind = "undivided"
)

// Range is a half-open range of bytes in the user's file.
type Range struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Statement is one SQL statement of the user's file. Start and End are bytes of that file (without the semicolon), Line
// and Column count from one, a column is a character. SQL is the exact text; it is not stored, Attach restores it.
type Statement struct {
	Index         int    `json:"index"`
	Start         int    `json:"start"`
	End           int    `json:"end"`
	Line          int    `json:"line"`
	Column        int    `json:"column"`
	SHA256        string `json:"sha256"`
	Kind          string `json:"kind"`
	Transactional Mode   `json:"transactional"`
	Probe         *Probe `json:"probe,omitempty"`     // how to ask the catalog after a crash; nil: no probe
	CopyData      *Range `json:"copy_data,omitempty"` // rows that follow COPY … FROM stdin, without the closing \.
	Session       bool   `json:"session,omitempty"`   // changes a setting of the session beyond its own transaction
	SQL           string `json:"-"`
}

// Unit is a group of statements that commit together, or one statement that can be in no transaction. Its SHA256 is
// over the bytes Start to End of the file, comments between statements and COPY data included.
type Unit struct {
	Index      int         `json:"index"`
	Kind       UnitKind    `json:"kind"`
	Explicit   bool        `json:"explicit,omitempty"` // the file itself said BEGIN and COMMIT
	SHA256     string      `json:"sha256"`
	Start      int         `json:"start"`
	End        int         `json:"end"`
	Statements []Statement `json:"statements"`
	// Session lists the indexes of earlier statements (SET search_path and the like) that must be executed again first
	// when this unit runs on a new connection, as it does after a crash.
	Session []int `json:"session,omitempty"`
}

// Script is one migration file, read. SHA256 is over its exact bytes, byte order mark included. A file with nothing but
// comments has no units.
type Script struct {
	SHA256     string      `json:"sha256"`
	Statements []Statement `json:"-"`
	Units      []Unit      `json:"units"`
	// Problems holds everything that forbids applying the file, in order of position. Parse returns the first of them
	// as its error.
	Problems []*SyntaxError `json:"-"`
	// Notes are the comments whose words begin with "fairlead:", dashes included.
	Notes []Range `json:"-"`

	nodes  []*pg.Node // of a file of one piece
	places []place
	pieces []Range
	kept   *piece
	sql    string // the text with everything blanked that is not SQL
	text   string
	lines  lineIndex
}

// Node returns the parse tree of statement i, or nil when there is none (a script that was read back from the ledger
// has no trees). It is not to be called by two goroutines at once.
func (s Script) Node(i int) *pg.Node {
	switch {
	case i < 0 || i >= len(s.places):
		return nil
	case s.nodes != nil:
		return s.nodes[i]
	}
	return s.again(i)
}

// Parsed gives the script as Parse does, with its trees: itself where it came from there, and else (it was read back
// from the ledger, or taken whole) its text parsed once more.
func (s Script) Parsed() (Script, error) {
	switch {
	case len(s.Problems) > 0:
		return s, s.Problems[0]
	case s.places != nil:
		return s, nil
	}
	return Parse([]byte(s.text))
}

// Text returns the exact text of a unit, or "" when its bytes are not at hand.
func (s Script) Text(u Unit) string {
	return s.Slice(Range{u.Start, u.End})
}

// Slice returns the exact bytes of a range of the file, or "".
func (s Script) Slice(r Range) string {
	if !within(s.text, r.Start, r.End) {
		return ""
	}
	return s.text[r.Start:r.End]
}

// Data returns the rows that follow a COPY … FROM stdin, or nil for any other statement. They are sent with the copy
// protocol, not as SQL.
func (s Script) Data(st Statement) []byte {
	if st.CopyData == nil {
		return nil
	}
	return []byte(s.Slice(*st.CopyData))
}

// Position returns line and column of a byte of the file, from one.
func (s Script) Position(offset int) (line, column int) {
	if len(s.lines.starts) == 0 {
		return positionIn(s.text, offset)
	}
	return s.lines.position(offset)
}

// ErrOtherText is returned by Attach when the bytes are not those the units were made from.
var ErrOtherText = errors.New("the text is not the one these units were made from")

// Attach gives a script that was read back from storage its text again and proves every hash; after it each Statement
// has its SQL. It returns ErrOtherText when anything differs, and then changes nothing.
func (s *Script) Attach(sql []byte) error {
	text := string(sql)
	if digest(text) != s.SHA256 {
		return fmt.Errorf("attach script %.12s: %w", s.SHA256, ErrOtherText)
	}
	var all []Statement
	units := make([]Unit, len(s.Units))
	for i, u := range s.Units {
		if !within(text, u.Start, u.End) || digest(text[u.Start:u.End]) != u.SHA256 {
			return fmt.Errorf("attach unit %d: %w", i, ErrOtherText)
		}
		statements := make([]Statement, len(u.Statements))
		for j, st := range u.Statements {
			if !within(text, st.Start, st.End) || digest(text[st.Start:st.End]) != st.SHA256 {
				return fmt.Errorf("attach statement %d: %w", st.Index, ErrOtherText)
			}
			st.SQL = text[st.Start:st.End]
			statements[j] = st
		}
		u.Statements = statements
		units[i] = u
		all = append(all, statements...)
	}
	s.text, s.Units, s.Statements, s.lines = text, units, all, indexLines(text)
	return nil
}

func within(text string, start, end int) bool {
	return start >= 0 && start <= end && end <= len(text)
}

func digest(text string) string {
	h := sha256.New()
	// without a copy of the text
	_, _ = io.WriteString(h, text)
	return hex.EncodeToString(h.Sum(nil))
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
