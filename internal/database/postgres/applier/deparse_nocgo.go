//go:build !cgo

package applier

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	wasm "github.com/wasilibs/go-pgquery"
)

// deparse writes a parsed statement out again.
func deparse(n *pg.Node) (string, error) {
	tree, err := wasm.Parse("") // has the version that Deparse insists on
	if err != nil {
		return "", err
	}
	tree.Stmts = []*pg.RawStmt{{Stmt: n}}
	return wasm.Deparse(tree)
}
