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

// kindOf names a statement as a person would: CREATE INDEX CONCURRENTLY.
func kindOf(n *pg.Node) string {
	switch {
	case n.GetIndexStmt() != nil:
		kind := "CREATE INDEX"
		if n.GetIndexStmt().GetUnique() {
			kind = "CREATE UNIQUE INDEX"
		}
		return concurrently(kind, n.GetIndexStmt().GetConcurrent())
	case n.GetDropStmt() != nil:
		return concurrently("DROP "+objectName(n.GetDropStmt().GetRemoveType()), n.GetDropStmt().GetConcurrent())
	case n.GetReindexStmt() != nil:
		return concurrently("REINDEX", ReindexConcurrently(n.GetReindexStmt()))
	case n.GetRefreshMatViewStmt() != nil:
		return concurrently("REFRESH MATERIALIZED VIEW", n.GetRefreshMatViewStmt().GetConcurrent())
	case n.GetVacuumStmt() != nil:
		if n.GetVacuumStmt().GetIsVacuumcmd() {
			return "VACUUM"
		}
		return "ANALYZE"
	case n.GetAlterTableStmt() != nil:
		return "ALTER " + objectName(n.GetAlterTableStmt().GetObjtype())
	case n.GetRenameStmt() != nil:
		return renameKind(n.GetRenameStmt())
	case n.GetCreateTableAsStmt() != nil:
		return "CREATE " + objectName(n.GetCreateTableAsStmt().GetObjtype()) + " AS"
	case n.GetTransactionStmt() != nil:
		return strings.ReplaceAll(strings.TrimPrefix(n.GetTransactionStmt().GetKind().String(), "TRANS_STMT_"), "_",
			" ")
	case n.GetGrantStmt() != nil, n.GetGrantRoleStmt() != nil:
		if n.GetGrantStmt().GetIsGrant() || n.GetGrantRoleStmt().GetIsGrant() {
			return "GRANT"
		}
		return "REVOKE"
	case n.GetCreateFunctionStmt().GetIsProcedure():
		return "CREATE PROCEDURE"
	case n.GetVariableSetStmt() != nil:
		switch n.GetVariableSetStmt().GetKind() {
		case pg.VariableSetKind_VAR_RESET, pg.VariableSetKind_VAR_RESET_ALL:
			return "RESET"
		}
		return "SET"
	case n.GetAlterObjectSchemaStmt() != nil:
		return "ALTER " + objectName(n.GetAlterObjectSchemaStmt().GetObjectType()) + " SET SCHEMA"
	case n.GetAlterOwnerStmt() != nil:
		return "ALTER " + objectName(n.GetAlterOwnerStmt().GetObjectType()) + " OWNER"
	}
	return plainKind(n)
}

func concurrently(kind string, yes bool) string {
	if yes {
		return kind + " CONCURRENTLY"
	}
	return kind
}

func renameKind(r *pg.RenameStmt) string {
	if r.GetRenameType() == pg.ObjectType_OBJECT_COLUMN {
		return "ALTER " + objectName(r.GetRelationType()) + " RENAME COLUMN"
	}
	return "ALTER " + objectName(r.GetRenameType()) + " RENAME"
}

func objectName(t pg.ObjectType) string {
	switch t {
	case pg.ObjectType_OBJECT_MATVIEW:
		return "MATERIALIZED VIEW"
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		return "TABLE CONSTRAINT"
	}
	return strings.ReplaceAll(strings.TrimPrefix(t.String(), "OBJECT_"), "_", " ")
}

// plainKind makes a name out of the grammar's own: CreateSchemaStmt gives CREATE SCHEMA.
func plainKind(n *pg.Node) string {
	m := n.ProtoReflect()
	field := m.WhichOneof(m.Descriptor().Oneofs().ByName("node"))
	if field == nil {
		return "UNKNOWN"
	}
	name := string(field.Message().Name())
	if special, ok := specialKinds(name); ok {
		return special
	}
	name = strings.TrimSuffix(name, "Stmt")
	var out strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
	}
	return strings.ToUpper(out.String())
}

// specialKinds names what the grammar calls otherwise than a person would.
func specialKinds(name string) (kind string, ok bool) {
	for _, special := range [...][2]string{
		{"CreateStmt", "CREATE TABLE"}, {"ViewStmt", "CREATE VIEW"}, {"CreateSeqStmt", "CREATE SEQUENCE"},
		{"CreateTrigStmt", "CREATE TRIGGER"}, {"CreateEnumStmt", "CREATE TYPE"}, {"CompositeTypeStmt", "CREATE TYPE"},
		{"CreateRangeStmt", "CREATE TYPE"}, {"DefineStmt", "CREATE TYPE"}, {"AlterEnumStmt", "ALTER TYPE"},
		{"AlterSeqStmt", "ALTER SEQUENCE"}, {"RuleStmt", "CREATE RULE"}, {"CreatePLangStmt", "CREATE LANGUAGE"},
		{"CreatedbStmt", "CREATE DATABASE"}, {"DropdbStmt", "DROP DATABASE"}, {"CreateStatsStmt", "CREATE STATISTICS"},
		{"CreateTableSpaceStmt", "CREATE TABLESPACE"}, {"DropTableSpaceStmt", "DROP TABLESPACE"},
		{"SecLabelStmt", "SECURITY LABEL"}, {"ConstraintsSetStmt", "SET CONSTRAINTS"}, {"VariableShowStmt", "SHOW"},
	} {
		if special[0] == name {
			return special[1], true
		}
	}
	return "", false
}
