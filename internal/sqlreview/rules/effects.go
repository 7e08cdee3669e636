package rules

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqltext"
)

// effects says whether the statement may run twice, and what it does to the running image beyond what the rules say
// when they find something.
func (p *Pass) effects() {
	n := p.Node
	switch {
	case n.GetCreateStmt() != nil, n.GetCreateSchemaStmt() != nil, n.GetCreateSeqStmt() != nil,
		n.GetCreateExtensionStmt() != nil, n.GetCreateTableAsStmt() != nil, n.GetCreateStatsStmt() != nil:
		p.Repeatable = n.GetCreateStmt().GetIfNotExists() || n.GetCreateSchemaStmt().GetIfNotExists() ||
			n.GetCreateSeqStmt().GetIfNotExists() || n.GetCreateExtensionStmt().GetIfNotExists() ||
			n.GetCreateTableAsStmt().GetIfNotExists() || n.GetCreateStatsStmt().GetIfNotExists()
	case n.GetIndexStmt() != nil:
		p.Repeatable = n.GetIndexStmt().GetIfNotExists() && n.GetIndexStmt().GetIdxname() != ""
		if n.GetIndexStmt().GetUnique() && !p.State.IsNew(p.State.Named(n.GetIndexStmt().GetRelation())) {
			p.Breaks(report.Conditional)
		}
	case n.GetDropStmt() != nil:
		p.Repeatable = n.GetDropStmt().GetMissingOk()
	case n.GetViewStmt() != nil, n.GetCreateFunctionStmt() != nil, n.GetCreateTrigStmt() != nil:
		p.Repeatable = n.GetViewStmt().GetReplace() || n.GetCreateFunctionStmt().GetReplace() ||
			n.GetCreateTrigStmt().GetReplace()
	case n.GetInsertStmt() != nil:
		p.Repeatable = n.GetInsertStmt().GetOnConflictClause() != nil
	case n.GetAlterEnumStmt() != nil:
		p.Repeatable = n.GetAlterEnumStmt().GetSkipIfNewValExists()
		p.Breaks(report.Conditional)
	case n.GetUpdateStmt() != nil:
		p.Repeatable = !readsItself(n.GetUpdateStmt())
	case n.GetAlterTableStmt() != nil:
		p.alterEffects()
	default:
		p.otherEffects(n)
	}
}

func (p *Pass) otherEffects(n *pg.Node) {
	switch {
	case n.GetSelectStmt() != nil, n.GetVariableSetStmt() != nil, n.GetVariableShowStmt() != nil,
		n.GetCommentStmt() != nil, n.GetDeleteStmt() != nil, n.GetTruncateStmt() != nil, n.GetVacuumStmt() != nil,
		n.GetReindexStmt() != nil, n.GetClusterStmt() != nil, n.GetRefreshMatViewStmt() != nil, n.GetLockStmt() != nil,
		n.GetGrantStmt() != nil, n.GetGrantRoleStmt() != nil, n.GetDoStmt() != nil, n.GetAlterSystemStmt() != nil,
		n.GetAlterOwnerStmt() != nil, n.GetAlterSeqStmt() != nil, n.GetNotifyStmt() != nil, n.GetExplainStmt() != nil,
		n.GetAlterDefaultPrivilegesStmt() != nil, n.GetConstraintsSetStmt() != nil, n.GetAlterFunctionStmt() != nil,
		n.GetAlterRoleSetStmt() != nil, n.GetAlterDatabaseSetStmt() != nil, n.GetAlterRoleStmt() != nil,
		n.GetCallStmt() != nil:
		p.Repeatable = true
	case n.GetMergeStmt() != nil:
		p.Breaks(report.Conditional)
	case n.GetCopyStmt() != nil:
		p.Repeatable = !n.GetCopyStmt().GetIsFrom()
		if n.GetCopyStmt().GetIsProgram() {
			p.Breaks(report.Unknown)
			p.reportFixed(Unreviewable, "COPY … PROGRAM runs a command on the server")
		}
	case n.GetCreateEnumStmt() != nil, n.GetCompositeTypeStmt() != nil, n.GetCreateDomainStmt() != nil,
		n.GetCreateRangeStmt() != nil, n.GetDefineStmt() != nil, n.GetCreatePolicyStmt() != nil,
		n.GetAlterPolicyStmt() != nil, n.GetRenameStmt() != nil, n.GetAlterObjectSchemaStmt() != nil,
		n.GetRuleStmt() != nil, n.GetAlterDomainStmt() != nil, n.GetCreatedbStmt() != nil, n.GetDropdbStmt() != nil,
		n.GetDropOwnedStmt() != nil, n.GetCreateTableSpaceStmt() != nil, n.GetDropTableSpaceStmt() != nil,
		n.GetCreateRoleStmt() != nil, n.GetAlterDatabaseStmt() != nil, n.GetCreateCastStmt() != nil,
		n.GetAlterTypeStmt() != nil, n.GetCreatePublicationStmt() != nil, n.GetAlterPublicationStmt() != nil,
		n.GetPrepareStmt() != nil:
	default:
		p.Breaks(report.Unknown)
		p.reportFixed(UnknownStatement, "no rule speaks about %s", p.Kind)
	}
}

func (p *Pass) alterEffects() {
	_, cmds := p.Alters()
	p.Repeatable = true
	for _, n := range p.Node.GetAlterTableStmt().GetCmds() {
		c := n.GetAlterTableCmd()
		switch c.GetSubtype() {
		case pg.AlterTableType_AT_AddColumn, pg.AlterTableType_AT_DropColumn, pg.AlterTableType_AT_DropConstraint:
			p.Repeatable = p.Repeatable && c.GetMissingOk()
		case pg.AlterTableType_AT_AddConstraint, pg.AlterTableType_AT_AttachPartition,
			pg.AlterTableType_AT_DetachPartition,
			pg.AlterTableType_AT_AddIdentity, pg.AlterTableType_AT_AddInherit, pg.AlterTableType_AT_DropInherit:
			p.Repeatable = false
		}
	}
	for _, c := range cmds {
		switch c.GetSubtype() {
		case pg.AlterTableType_AT_SetNotNull, pg.AlterTableType_AT_AddConstraint:
			p.Breaks(report.Conditional)
		case pg.AlterTableType_AT_AlterColumnType:
			if len(p.work) > 0 {
				p.Breaks(report.Conditional)
			}
		case pg.AlterTableType_AT_AddColumn:
			for _, k := range c.GetDef().GetColumnDef().GetConstraints() {
				switch k.GetConstraint().GetContype() {
				case pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_FOREIGN, pg.ConstrType_CONSTR_CHECK:
					p.Breaks(report.Conditional)
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
			sqltext.Walk(v.ProtoReflect(), func(m protoreflect.Message) bool {
				if _, ok := m.Interface().(*pg.ColumnRef); ok {
					reads = true
				}
				return !reads
			})
		}
	}
	return reads
}

// reportFixed notes a finding of a rule that is no analyzer.
func (p *Pass) reportFixed(id, format string, args ...any) {
	p.rule = Fixed(id)
	p.Report(0, format, args...)
}
