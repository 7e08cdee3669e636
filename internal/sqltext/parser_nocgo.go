//go:build !cgo

package sqltext // not named parser_wasm.go: that suffix would be a build constraint

import (
	"errors"

	pg "github.com/pganalyze/pg_query_go/v6"
	wasm "github.com/wasilibs/go-pgquery"
	"github.com/wasilibs/go-pgquery/parser"
)

func parseTree(sql string) (*pg.ParseResult, error) { return wasm.Parse(sql) }

func parseBody(sql string) (string, error) { return wasm.ParsePlPgSqlToJSON(sql) }

func parserError(err error) (message string, cursor int, ok bool) {
	var e *parser.Error
	if !errors.As(err, &e) {
		return "", 0, false
	}
	return e.Message, e.Cursorpos, true
}

// Concurrent says whether several goroutines parse faster than one; each would need a machine of its own.
const Concurrent = false

// MaxDepth is how deep parentheses, brackets and operator chains may stand inside one another. The WebAssembly parser
// has little stack, and overwrites its own memory without a word when it is used up (seen at 150).
const MaxDepth = 64
