package sqltext

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// grouper walks the statements of a script and makes units of them.
type grouper struct {
	text     string
	hash     func(string) string
	units    []Unit
	ranges   []Range // of statements, for each unit
	problems []*SyntaxError

	from, to int // statements of the unit being made
	start    int // its bytes
	end      int
	begun    bool // inside the file's own BEGIN
	beginAt  Statement

	created, altered map[string]bool // tables of the unit being made
	labels           []string        // enum labels that it adds

	session, pending []setting // settings in force after the finished units; made by this one
}

// setting is a statement that changes the session; a later one of the same name replaces it.
type setting struct {
	name  string
	index int
}

// finish ends the last unit and gives each its statements.
func (g *grouper) finish(all []Statement) ([]Unit, []*SyntaxError) {
	if g.begun {
		g.refuse(g.beginAt, CodeTransaction, "this BEGIN has no COMMIT; what follows it would be lost")
	}
	g.flush(Together)
	for i := range g.units {
		g.units[i].Statements = all[g.ranges[i].Start:g.ranges[i].End:g.ranges[i].End]
	}
	return g.units, g.problems
}

func (g *grouper) refuse(st Statement, code Code, message string) {
	if len(g.problems) < maxProblems {
		g.problems = append(g.problems, problemAt(g.text, st.Start, code, message))
	}
}

func (g *grouper) take(st Statement, n *pg.Node) {
	if t := n.GetTransactionStmt(); t != nil {
		g.control(st, t)
		return
	}
	if message := sessionRefusal(n); message != "" {
		g.refuse(st, CodeSession, message)
	}
	if st.Transactional == NoTransaction {
		g.alone(st, n)
		return
	}
	if !g.begun && g.mustCut(n, st) {
		g.flush(Together)
	}
	g.add(st, n)
}

func (g *grouper) add(st Statement, n *pg.Node) {
	if g.from == g.to {
		g.from, g.start, g.end = st.Index, st.Start, st.End
	}
	g.to, g.end = st.Index+1, st.End
	if st.CopyData != nil {
		g.end = max(g.end, st.CopyData.End)
	}
	if st.Session {
		g.pending = append(g.pending, setting{n.GetVariableSetStmt().GetName(), st.Index})
	}
	if r := n.GetCreateStmt().GetRelation(); r != nil && !n.GetCreateStmt().GetIfNotExists() {
		g.created[r.GetRelname()] = true
	}
	if r := n.GetAlterTableStmt().GetRelation(); r != nil {
		g.altered[r.GetRelname()] = true
	}
	if e := n.GetAlterEnumStmt(); e != nil && e.GetOldVal() == "" && e.GetNewVal() != "" {
		if label := quoteLiteral(e.GetNewVal()); !slices.Contains(g.labels, label) {
			g.labels = append(g.labels, label)
		}
	}
}

func (g *grouper) alone(st Statement, n *pg.Node) {
	if g.begun {
		g.refuse(st, CodeInBlock, st.Kind+" cannot run inside BEGIN … COMMIT")
		return
	}
	g.flush(Together)
	g.add(st, n)
	g.flush(Alone)
}

func (g *grouper) control(st Statement, t *pg.TransactionStmt) {
	switch t.GetKind() {
	case pg.TransactionStmtKind_TRANS_STMT_BEGIN, pg.TransactionStmtKind_TRANS_STMT_START:
		if g.begun {
			g.refuse(st, CodeTransaction, "BEGIN inside a transaction that is already open")
		}
		if len(t.GetOptions()) > 0 {
			g.refuse(st, CodeTransaction, "transaction options cannot be kept; write a plain BEGIN")
		}
		g.flush(Together)
		g.begun, g.beginAt = true, st
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT:
		if !g.begun {
			g.refuse(st, CodeTransaction, "this COMMIT has no BEGIN")
		}
		if t.GetChain() {
			g.refuse(st, CodeTransaction, "COMMIT AND CHAIN is not supported; write COMMIT and BEGIN")
		}
		g.flush(Together)
		g.begun = false
	case pg.TransactionStmtKind_TRANS_STMT_SAVEPOINT, pg.TransactionStmtKind_TRANS_STMT_RELEASE,
		pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO:
		g.refuse(st, CodeTransaction, st.Kind+": savepoints are not supported; what counts is that all of a unit is "+
			"applied")
	default:
		g.refuse(st, CodeTransaction, st.Kind+" would undo or hide a part of the migration")
		g.begun = false
	}
}

func sessionRefusal(n *pg.Node) string {
	if n.GetDiscardStmt() != nil {
		return "DISCARD would throw away the session's settings and locks"
	}
	v := n.GetVariableSetStmt()
	switch {
	case v == nil:
		return ""
	case v.GetKind() == pg.VariableSetKind_VAR_SET_MULTI:
		return "SET TRANSACTION and SET SESSION CHARACTERISTICS change the transaction that also holds " +
			"fairlead's marker"
	case v.GetName() == "session_authorization":
		return "SET SESSION AUTHORIZATION changes who the session is; connect as the role that shall own the change"
	case v.GetName() == "role" && !v.GetIsLocal() && v.GetKind() == pg.VariableSetKind_VAR_SET_VALUE:
		return "SET ROLE outlives its transaction; use SET LOCAL ROLE, or set the role in the configuration"
	}
	return ""
}

// flush ends the unit being made.
func (g *grouper) flush(kind UnitKind) {
	if g.from == g.to {
		return
	}
	u := Unit{Index: len(g.units), Kind: kind, Explicit: g.begun, SHA256: g.hash(g.text[g.start:g.end]), Start: g.start,
		End: g.end}
	g.ranges = append(g.ranges, Range{g.from, g.to})
	for _, x := range g.session {
		u.Session = append(u.Session, x.index)
	}
	g.units = append(g.units, u)
	g.keepSettings()
	g.from, g.to, g.labels = 0, 0, nil
	clear(g.created)
	clear(g.altered)
}

func (g *grouper) keepSettings() {
	for _, x := range g.pending {
		if x.name != "" {
			g.session = slices.DeleteFunc(g.session, func(old setting) bool { return old.name == x.name })
		}
		g.session = append(g.session, x)
	}
	g.pending = nil
}

// mustCut says whether a statement must not share the transaction of the run before it, although PostgreSQL would let
// it in.
func (g *grouper) mustCut(n *pg.Node, st Statement) bool {
	return g.validatesAltered(n) || n.GetAlterEnumStmt() == nil &&
		slices.ContainsFunc(g.labels, func(label string) bool { return strings.Contains(st.SQL, label) })
}

// validatesAltered is about a VALIDATE after another ALTER of the same table. A table that the same run made is waited
// for by nobody.
func (g *grouper) validatesAltered(n *pg.Node) bool {
	a := n.GetAlterTableStmt()
	name := a.GetRelation().GetRelname()
	return g.altered[name] && !g.created[name] && slices.ContainsFunc(a.GetCmds(), func(c *pg.Node) bool {
		return c.GetAlterTableCmd().GetSubtype() == pg.AlterTableType_AT_ValidateConstraint
	})
}

func quoteLiteral(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
