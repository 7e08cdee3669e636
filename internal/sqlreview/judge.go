package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// judge says whether the statement may run twice, and what it does to the
// running image beyond what the rules say when they find something.
func (p *pass) judge() {
	n := p.node
	switch {
	case n.GetCreateStmt() != nil:
		p.rerun = n.GetCreateStmt().GetIfNotExists()
	case n.GetIndexStmt() != nil:
		p.rerun = n.GetIndexStmt().GetIfNotExists() && n.GetIndexStmt().GetIdxname() != ""
		if n.GetIndexStmt().GetUnique() && !p.state.isFresh(p.state.named(n.GetIndexStmt().GetRelation())) {
			p.breaks(Conditional)
		}
	case n.GetDropStmt() != nil:
		p.rerun = n.GetDropStmt().GetMissingOk()
	case n.GetViewStmt() != nil:
		p.rerun = n.GetViewStmt().GetReplace()
	case n.GetCreateFunctionStmt() != nil:
		p.rerun = n.GetCreateFunctionStmt().GetReplace()
	case n.GetCreateTrigStmt() != nil:
		p.rerun = n.GetCreateTrigStmt().GetReplace()
	case n.GetCreateSchemaStmt() != nil:
		p.rerun = n.GetCreateSchemaStmt().GetIfNotExists()
	case n.GetCreateSeqStmt() != nil:
		p.rerun = n.GetCreateSeqStmt().GetIfNotExists()
	case n.GetCreateExtensionStmt() != nil:
		p.rerun = n.GetCreateExtensionStmt().GetIfNotExists()
	case n.GetCreateTableAsStmt() != nil:
		p.rerun = n.GetCreateTableAsStmt().GetIfNotExists()
	case n.GetCreateStatsStmt() != nil:
		p.rerun = n.GetCreateStatsStmt().GetIfNotExists()
	case n.GetInsertStmt() != nil:
		p.rerun = n.GetInsertStmt().GetOnConflictClause() != nil
	case n.GetAlterEnumStmt() != nil:
		p.rerun = n.GetAlterEnumStmt().GetSkipIfNewValExists()
		p.breaks(Conditional)
	case n.GetUpdateStmt() != nil:
		p.rerun = !readsItself(n.GetUpdateStmt())
	case n.GetAlterTableStmt() != nil:
		p.judgeAlter()
	default:
		p.judgeRest(n)
	}
}

func (p *pass) judgeRest(n *pg.Node) {
	switch {
	case n.GetSelectStmt() != nil, n.GetVariableSetStmt() != nil, n.GetVariableShowStmt() != nil, n.GetCommentStmt() != nil,
		n.GetDeleteStmt() != nil, n.GetTruncateStmt() != nil, n.GetVacuumStmt() != nil, n.GetReindexStmt() != nil, n.GetClusterStmt() != nil,
		n.GetRefreshMatViewStmt() != nil, n.GetLockStmt() != nil, n.GetGrantStmt() != nil, n.GetGrantRoleStmt() != nil, n.GetDoStmt() != nil,
		n.GetAlterSystemStmt() != nil, n.GetAlterOwnerStmt() != nil, n.GetAlterSeqStmt() != nil, n.GetNotifyStmt() != nil, n.GetExplainStmt() != nil,
		n.GetAlterDefaultPrivilegesStmt() != nil, n.GetConstraintsSetStmt() != nil, n.GetAlterFunctionStmt() != nil, n.GetAlterRoleSetStmt() != nil,
		n.GetAlterDatabaseSetStmt() != nil, n.GetAlterRoleStmt() != nil, n.GetCallStmt() != nil:
		p.rerun = true
	case n.GetMergeStmt() != nil:
		p.breaks(Conditional)
	case n.GetCopyStmt() != nil:
		p.rerun = !n.GetCopyStmt().GetIsFrom()
		if n.GetCopyStmt().GetIsProgram() {
			p.breaks(Unknown)
			p.report(unreviewable(), 0, "COPY … PROGRAM runs a command on the server")
		}
	case n.GetCreateEnumStmt() != nil, n.GetCompositeTypeStmt() != nil, n.GetCreateDomainStmt() != nil, n.GetCreateRangeStmt() != nil,
		n.GetDefineStmt() != nil, n.GetCreatePolicyStmt() != nil, n.GetAlterPolicyStmt() != nil, n.GetRenameStmt() != nil,
		n.GetAlterObjectSchemaStmt() != nil, n.GetRuleStmt() != nil, n.GetAlterDomainStmt() != nil, n.GetCreatedbStmt() != nil,
		n.GetDropdbStmt() != nil, n.GetDropOwnedStmt() != nil, n.GetCreateTableSpaceStmt() != nil, n.GetDropTableSpaceStmt() != nil,
		n.GetCreateRoleStmt() != nil, n.GetAlterDatabaseStmt() != nil, n.GetCreateCastStmt() != nil,
		n.GetAlterTypeStmt() != nil, n.GetCreatePublicationStmt() != nil, n.GetAlterPublicationStmt() != nil, n.GetPrepareStmt() != nil:
	default:
		p.breaks(Unknown)
		p.report(unknownStatement(), 0, "no rule speaks about %s", p.kind)
	}
}

func (p *pass) judgeAlter() {
	_, cmds := p.alters()
	p.rerun = true
	for _, n := range p.node.GetAlterTableStmt().GetCmds() {
		c := n.GetAlterTableCmd()
		switch c.GetSubtype() {
		case pg.AlterTableType_AT_AddColumn, pg.AlterTableType_AT_DropColumn, pg.AlterTableType_AT_DropConstraint:
			p.rerun = p.rerun && c.GetMissingOk()
		case pg.AlterTableType_AT_AddConstraint, pg.AlterTableType_AT_AttachPartition, pg.AlterTableType_AT_DetachPartition,
			pg.AlterTableType_AT_AddIdentity, pg.AlterTableType_AT_AddInherit, pg.AlterTableType_AT_DropInherit:
			p.rerun = false
		}
	}
	for _, c := range cmds {
		switch c.GetSubtype() {
		case pg.AlterTableType_AT_SetNotNull, pg.AlterTableType_AT_AddConstraint:
			p.breaks(Conditional)
		case pg.AlterTableType_AT_AlterColumnType:
			if len(p.work) > 0 {
				p.breaks(Conditional)
			}
		case pg.AlterTableType_AT_AddColumn:
			for _, k := range c.GetDef().GetColumnDef().GetConstraints() {
				switch k.GetConstraint().GetContype() {
				case pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_FOREIGN, pg.ConstrType_CONSTR_CHECK:
					p.breaks(Conditional)
				}
			}
		}
	}
}

// readsItself says whether an UPDATE computes new values from old ones.
func readsItself(u *pg.UpdateStmt) bool {
	reads := false
	for _, t := range u.GetTargetList() {
		if v := t.GetResTarget().GetVal(); v != nil {
			walk(v.ProtoReflect(), func(m protoreflect.Message) bool {
				if _, ok := m.Interface().(*pg.ColumnRef); ok {
					reads = true
				}
				return !reads
			})
		}
	}
	return reads
}
