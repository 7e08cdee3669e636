package sqltext

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// describe fills in what kind of statement it is and how it stands to transactions.
func describe(st *Statement, n *pg.Node) {
	st.Kind = kindOf(n)
	st.Transactional = InTransaction
	if refusesTransaction(n) {
		st.Transactional = NoTransaction
		st.Probe = probeOf(n)
	} else if controlsTransaction(n, st.SQL) {
		st.Transactional = NoTransaction
	}
	st.Session = changesSession(n)
}

// refusesTransaction says whether PostgreSQL rejects the statement inside a transaction block.
func refusesTransaction(n *pg.Node) bool {
	switch {
	case n.GetIndexStmt() != nil:
		return n.GetIndexStmt().GetConcurrent()
	case n.GetDropStmt() != nil:
		return n.GetDropStmt().GetConcurrent()
	case n.GetReindexStmt() != nil:
		return reindexRefuses(n.GetReindexStmt())
	case n.GetVacuumStmt() != nil:
		return n.GetVacuumStmt().GetIsVacuumcmd()
	case n.GetClusterStmt() != nil:
		return n.GetClusterStmt().GetRelation() == nil
	case n.GetAlterTableStmt() != nil:
		for _, c := range n.GetAlterTableStmt().GetCmds() {
			if c.GetAlterTableCmd().GetDef().GetPartitionCmd().GetConcurrent() ||
				c.GetAlterTableCmd().GetSubtype() == pg.AlterTableType_AT_DetachPartitionFinalize {
				return true
			}
		}
		return false
	case n.GetAlterDatabaseStmt() != nil:
		return hasOption(n.GetAlterDatabaseStmt().GetOptions(), "tablespace")
	}
	return n.GetCreatedbStmt() != nil || n.GetDropdbStmt() != nil || n.GetAlterSystemStmt() != nil ||
		n.GetCreateTableSpaceStmt() != nil || n.GetDropTableSpaceStmt() != nil ||
		n.GetCreateSubscriptionStmt() != nil || n.GetAlterSubscriptionStmt() != nil ||
		n.GetDropSubscriptionStmt() != nil
}

func reindexRefuses(r *pg.ReindexStmt) bool {
	switch r.GetKind() {
	case pg.ReindexObjectType_REINDEX_OBJECT_INDEX, pg.ReindexObjectType_REINDEX_OBJECT_TABLE:
		return ReindexConcurrently(r)
	}
	return true
}

// ReindexConcurrently says whether a REINDEX was asked to work concurrently.
func ReindexConcurrently(r *pg.ReindexStmt) bool {
	return hasOption(r.GetParams(), "concurrently")
}

func hasOption(options []*pg.Node, name string) bool {
	for _, o := range options {
		d := o.GetDefElem()
		if strings.EqualFold(d.GetDefname(), name) {
			return truth(d.GetArg())
		}
	}
	return false
}

func truth(n *pg.Node) bool {
	switch {
	case n == nil:
		return true
	case n.GetBoolean() != nil:
		return n.GetBoolean().GetBoolval()
	case n.GetInteger() != nil:
		return n.GetInteger().GetIval() != 0
	case n.GetString_() != nil:
		switch strings.ToLower(n.GetString_().GetSval()) {
		case "false", "off", "no", "0", "f", "n":
			return false
		}
	}
	return true
}

// controlsTransaction finds a DO block that commits inside itself, which PostgreSQL allows only outside a transaction.
func controlsTransaction(n *pg.Node, sql string) bool {
	if n.GetDoStmt() == nil {
		return false
	}
	lower := strings.ToLower(sql)
	if !strings.Contains(lower, "commit") && !strings.Contains(lower, "rollback") {
		return false
	}
	body, err := BodyOf(n, sql)
	return err == nil && body.Commits()
}

// changesSession finds SET and set_config that outlive their transaction.
func changesSession(n *pg.Node) bool {
	if v := n.GetVariableSetStmt(); v != nil {
		return !v.GetIsLocal() && v.GetKind() != pg.VariableSetKind_VAR_SET_MULTI
	}
	for _, target := range n.GetSelectStmt().GetTargetList() {
		call := target.GetResTarget().GetVal().GetFuncCall()
		if _, name := QualifiedName(call.GetFuncname()); name != "set_config" || len(call.GetArgs()) != 3 {
			continue
		}
		if local := call.GetArgs()[2].GetAConst().GetBoolval(); local == nil || !local.GetBoolval() {
			return true
		}
	}
	return false
}
