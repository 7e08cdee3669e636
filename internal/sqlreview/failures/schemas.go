package failures

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/syntax"
)

// checkSchemas claims that something new shall stand in a schema that is nowhere.
func (p *namePass) checkSchemas() {
	for _, schema := range newHomes(p.Node) {
		p.fail(p.state.SchemaMissing(schema), "schema %s does not exist", schema)
	}
}

// newHomes lists the schemas in which a statement makes something, and those that it names themselves.
func newHomes(n *pg.Node) []string {
	of := func(parts []*pg.Node) []string {
		schema, _ := syntax.QualifiedName(parts)
		return []string{schema}
	}
	switch {
	case n.GetCreateStmt() != nil:
		return []string{n.GetCreateStmt().GetRelation().GetSchemaname()}
	case n.GetViewStmt() != nil:
		return []string{n.GetViewStmt().GetView().GetSchemaname()}
	case n.GetCreateTableAsStmt() != nil:
		return []string{n.GetCreateTableAsStmt().GetInto().GetRel().GetSchemaname()}
	case n.GetCreateSeqStmt() != nil:
		return []string{n.GetCreateSeqStmt().GetSequence().GetSchemaname()}
	case n.GetCreateFunctionStmt() != nil:
		return of(n.GetCreateFunctionStmt().GetFuncname())
	case n.GetCreateEnumStmt() != nil:
		return of(n.GetCreateEnumStmt().GetTypeName())
	case n.GetCreateDomainStmt() != nil:
		return of(n.GetCreateDomainStmt().GetDomainname())
	case n.GetCompositeTypeStmt() != nil:
		return []string{n.GetCompositeTypeStmt().GetTypevar().GetSchemaname()}
	case n.GetAlterObjectSchemaStmt() != nil:
		if !n.GetAlterObjectSchemaStmt().GetMissingOk() {
			return []string{n.GetAlterObjectSchemaStmt().GetNewschema()}
		}
	case n.GetRenameStmt() != nil && n.GetRenameStmt().GetRenameType() == pg.ObjectType_OBJECT_SCHEMA:
		return []string{n.GetRenameStmt().GetSubname()}
	case n.GetGrantStmt().GetObjtype() == pg.ObjectType_OBJECT_SCHEMA &&
		n.GetGrantStmt().GetTargtype() == pg.GrantTargetType_ACL_TARGET_OBJECT,
		n.GetGrantStmt().GetTargtype() == pg.GrantTargetType_ACL_TARGET_ALL_IN_SCHEMA:
		return syntax.Strings(n.GetGrantStmt().GetObjects())
	case n.GetDropStmt().GetRemoveType() == pg.ObjectType_OBJECT_SCHEMA && !n.GetDropStmt().GetMissingOk():
		return syntax.Strings(n.GetDropStmt().GetObjects())
	case n.GetCommentStmt().GetObjtype() == pg.ObjectType_OBJECT_SCHEMA:
		return []string{n.GetCommentStmt().GetObject().GetString_().GetSval()}
	}
	return nil
}
