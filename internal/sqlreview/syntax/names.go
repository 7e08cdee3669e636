// Package syntax reads PostgreSQL's parse tree: names, types and their conversions, columns, expressions. It knows no
// database.
package syntax

import (
	"cmp"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqltext"
)

// Strings gives the strings of a list.
func Strings(all []*pg.Node) []string {
	var out []string
	for _, n := range all {
		out = append(out, n.GetString_().GetSval())
	}
	return out
}

// LastName is the last part of a dotted name.
func LastName(parts []*pg.Node) string {
	_, n := sqltext.QualifiedName(parts)
	return n
}

// Written gives the relation whose rows a statement writes, or nil.
func Written(n *pg.Node) *pg.RangeVar {
	return cmp.Or(n.GetInsertStmt().GetRelation(), n.GetUpdateStmt().GetRelation(), n.GetDeleteStmt().GetRelation(),
		n.GetMergeStmt().GetRelation(), n.GetCopyStmt().GetRelation())
}
