//go:build cgo

package applier

import pg "github.com/pganalyze/pg_query_go/v6"

// deparse writes a parsed statement out again.
func deparse(n *pg.Node) (string, error) {
	tree, err := pg.Parse("") // has the version that Deparse insists on
	if err != nil {
		return "", err
	}
	tree.Stmts = []*pg.RawStmt{{Stmt: n}}
	return pg.Deparse(tree)
}
