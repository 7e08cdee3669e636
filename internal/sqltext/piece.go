package sqltext

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// pieceBytes is how much of a large file is parsed at once. The trees of a file need a hundred times its size, so those
// of a large one are made again when they are asked for, piece by piece.
const pieceBytes = 48 << 10

// place is where a statement's tree is found again: its piece, and the offset in it.
type place struct{ piece, location int32 }

// piece is the one whose trees are at hand.
type piece struct {
	at    int
	nodes map[int32]*pg.Node // by location
}

// pieces cuts the text between statements. A text that could hold a semicolon inside a statement (BEGIN ATOMIC) is one
// piece.
func (c cleaned) pieces() []Range {
	var out []Range
	from := 0
	if !c.atomic {
		for _, end := range c.ends {
			if end-from >= pieceBytes {
				out = append(out, Range{from, end})
				from = end
			}
		}
	}
	if from < len(c.sql) || len(out) == 0 {
		out = append(out, Range{from, len(c.sql)})
	}
	return out
}

// Base is the byte of the file at which the locations in the tree of statement i begin to count.
func (s Script) Base(i int) int {
	if i < 0 || i >= len(s.places) || s.nodes != nil {
		return 0
	}
	return s.pieces[s.places[i].piece].Start
}

// again parses the piece of a statement once more.
func (s Script) again(i int) *pg.Node {
	p := s.places[i]
	if s.kept.at != int(p.piece) {
		r := s.pieces[p.piece]
		tree, err := parseTree(strings.TrimRight(s.sql[r.Start:r.End], " \t\r\n"))
		if err != nil {
			// it could be read before
			return nil
		}
		*s.kept = piece{int(p.piece), map[int32]*pg.Node{}}
		for _, raw := range tree.GetStmts() {
			s.kept.nodes[raw.GetStmtLocation()] = raw.GetStmt()
		}
	}
	return s.kept.nodes[p.location]
}
