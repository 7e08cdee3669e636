package sqltext

import pg "github.com/pganalyze/pg_query_go/v6"

// Inside reads one statement of a PL/pgSQL body that BodyOf has opened, so that its bytes and its depth are known to be
// in order. It gives false for whatever is not one ordinary statement: Parse then says what is wrong with it. Start and
// End count in sql.
func Inside(sql string) (Statement, *pg.Node, bool) {
	tree, err := parseTree(sql)
	if err != nil || len(tree.GetStmts()) != 1 {
		return Statement{}, nil, false
	}
	raw := tree.GetStmts()[0]
	n := raw.GetStmt()
	if n == nil || n.GetTransactionStmt() != nil || n.GetCopyStmt() != nil || sessionRefusal(n) != "" {
		return Statement{}, nil, false
	}
	start, end := int(raw.GetStmtLocation()), len(sql)
	if raw.GetStmtLen() > 0 {
		end = start + int(raw.GetStmtLen())
	}
	if !within(sql, start, end) {
		return Statement{}, nil, false
	}
	start, end = trim(sql, start, end)
	st := Statement{Start: start, End: end, Line: 1, Column: 1, SQL: sql[start:end]}
	describe(&st, n)
	return st, n, true
}
