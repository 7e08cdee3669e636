package schema

import pg "github.com/pganalyze/pg_query_go/v6"

// Statement is one SQL statement as it is executed: of the file itself, or inside a DO block or called function.
type Statement struct {
	Node *pg.Node
	// index is that of the statement of the file that executes it.
	Index int
	SQL   string
	Kind  string
	// base is the byte in the file at which locations of node count from; exact says that they can be added to it.
	Base  int
	Exact bool
	// start is the byte in the file at which the statement stands.
	Start int
	// inBody: executed by a DO block or function; nested: it stands inside a WITH clause of another statement.
	InBody, Nested bool
	// guarded: it stands under a condition or exception handler; doubt: nobody knows whether that condition holds.
	Guarded, Doubt bool
	// unit is the index of its unit, or -1; alone says that this is no transaction.
	Unit  int
	Alone bool
	// refuses: it can be in no transaction; refused: the file was refused because it stands in one.
	Refuses, Refused bool
	// probed says that the catalog can be asked about it.
	Probed bool
}

// function is a function that the script made.
type function struct {
	volatility string
	Statement  Statement
	Running    bool // its body is being read: stops recursion
}
