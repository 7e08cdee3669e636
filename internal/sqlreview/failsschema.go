package sqlreview

import (
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// schemaMissing says whether a schema is known not to exist.
func (s *state) schemaMissing(schema string) bool {
	return schema != "" && s.catalog != nil && len(s.catalog.Schemas) > 0 && !s.murky && !s.schemas[schema] && !s.hidden(schema) && schema != temporary &&
		!slices.Contains(s.catalog.Schemas, schema)
}

// failSchemas claims that something new shall stand in a schema that is nowhere.
func (p *pass) failSchemas() {
	for _, schema := range newHomes(p.node) {
		p.fail(p.state.schemaMissing(schema), fmt.Sprintf("schema %s does not exist", schema))
	}
}

// newHomes lists the schemas in which a statement makes something, and those that it names themselves.
func newHomes(n *pg.Node) []string {
	of := func(parts []*pg.Node) []string {
		schema, _ := qualifiedName(parts)
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
	case n.GetGrantStmt().GetObjtype() == pg.ObjectType_OBJECT_SCHEMA && n.GetGrantStmt().GetTargtype() == pg.GrantTargetType_ACL_TARGET_OBJECT,
		n.GetGrantStmt().GetTargtype() == pg.GrantTargetType_ACL_TARGET_ALL_IN_SCHEMA:
		return names(n.GetGrantStmt().GetObjects())
	case n.GetDropStmt().GetRemoveType() == pg.ObjectType_OBJECT_SCHEMA && !n.GetDropStmt().GetMissingOk():
		return names(n.GetDropStmt().GetObjects())
	case n.GetCommentStmt().GetObjtype() == pg.ObjectType_OBJECT_SCHEMA:
		return []string{n.GetCommentStmt().GetObject().GetString_().GetSval()}
	}
	return nil
}
