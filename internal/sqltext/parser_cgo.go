//go:build cgo

package sqltext

import (
	"errors"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/pganalyze/pg_query_go/v6/parser"
)

func parseTree(sql string) (*pg.ParseResult, error) { return pg.Parse(sql) }

func parseBody(sql string) (string, error) { return pg.ParsePlPgSqlToJSON(sql) }

func parserError(err error) (message string, cursor int, ok bool) {
	var e *parser.Error
	if !errors.As(err, &e) {
		return "", 0, false
	}
	return e.Message, e.Cursorpos, true
}

// Concurrent says whether several goroutines parse faster than one.
const Concurrent = true

// MaxDepth is how deep parentheses, brackets and operator chains may stand inside one another. The C parser overflows
// its stack from about 20,000.
const MaxDepth = 4000
