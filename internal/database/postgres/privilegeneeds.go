package postgres

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqltext"
)

// what names a right.
type what string

// The rights. Those of a table's own grants are named as in GRANT.
const (
	needOwner          what = "owner"      // of a relation
	needOwnerAndSchema what = "owner+"     // of a relation, and CREATE in its schema
	needDrop           what = "drop"       // owner of a relation or of its schema
	needMaintain       what = "maintain"   // owner, or MAINTAIN from 17 on
	needSelect         what = "select"     // on any column
	needInsert         what = "insert"     // on any column
	needUpdate         what = "update"     // on any column
	needDelete         what = "delete"     //
	needTruncate       what = "truncate"   //
	needReferences     what = "references" // on any column
	needTrigger        what = "trigger"    //
	needSchema         what = "schema"     // CREATE in a schema; "" is the first of the search path
	needDatabase       what = "database"   // CREATE in the database
	needExtension      what = "extension"  //
	needType           what = "type"       // USAGE
	needTypeOwner      what = "type owner" //
	needRole           what = "role"       // membership
	needCreateRole     what = "createrole" //
	needCreateDatabase what = "createdb"   //
)

// need is a right that a statement needs on something that may be there before the script.
type need struct {
	line         int
	kind         string // of the statement, like ALTER TABLE
	what         what
	schema, name string
}

func (n need) key() [2]string { return [2]string{n.schema, n.name} }

// needer collects needs. What the script itself has made is not asked for.
type needer struct {
	all   []need
	seen  map[need]bool
	made  map[[2]string]bool
	line  int
	kind  string
	moved bool // search_path was changed: unqualified names lead nobody knows where
}

// needsOf lists what the statements of a script need, those of the first units left out. Blind is the line from which on it is not
// known, because another role is taken on there; 0 when there is none.
func needsOf(s sqltext.Script, unitsDone int) (all []need, blind int) {
	w := needer{seen: map[need]bool{}, made: map[[2]string]bool{}}
	for _, u := range s.Units[min(unitsDone, len(s.Units)):] {
		for _, st := range u.Statements {
			n := s.Node(st.Index)
			if n == nil {
				continue
			}
			w.line, w.kind = st.Line, st.Kind
			if v := n.GetVariableSetStmt(); v != nil {
				switch v.GetName() {
				case "role", "session_authorization":
					return w.all, st.Line
				case "search_path":
					w.moved = true
				}
				continue
			}
			w.statement(n)
		}
	}
	return w.all, 0
}

func (w *needer) add(k what, schema, name string) {
	switch {
	case w.made[[2]string{schema, name}] && name != "":
		return
	case schema == "" && w.moved && k != needDatabase && k != needExtension && k != needRole && k != needCreateRole && k != needCreateDatabase:
		return
	case schema == "pg_temp":
		return
	}
	n := need{what: k, schema: schema, name: name}
	if w.seen[n] {
		return
	}
	w.seen[n] = true
	n.line, n.kind = w.line, w.kind
	w.all = append(w.all, n)
}

func (w *needer) on(k what, r *pg.RangeVar) {
	if r.GetRelname() != "" && r.GetRelpersistence() != "t" {
		w.add(k, r.GetSchemaname(), r.GetRelname())
	}
}

// make is about a new relation or the like.
func (w *needer) make(r *pg.RangeVar) {
	if r.GetRelpersistence() == "t" || r.GetSchemaname() == "pg_temp" {
		w.made[[2]string{r.GetSchemaname(), r.GetRelname()}] = true
		return
	}
	w.add(needSchema, r.GetSchemaname(), "")
	w.made[[2]string{r.GetSchemaname(), r.GetRelname()}] = true
}

func (w *needer) makeNamed(parts []*pg.Node) {
	schema, name := twoParts(parts)
	w.add(needSchema, schema, "")
	w.made[[2]string{schema, name}] = true
}

// statement is about one statement. What is not listed is left to the server.
func (w *needer) statement(n *pg.Node) {
	if w.defines(n) || w.changes(n) {
		return
	}
	switch {
	case n.GetInsertStmt() != nil:
		w.on(needInsert, n.GetInsertStmt().GetRelation())
	case n.GetUpdateStmt() != nil:
		w.on(needUpdate, n.GetUpdateStmt().GetRelation())
	case n.GetDeleteStmt() != nil:
		w.on(needDelete, n.GetDeleteStmt().GetRelation())
	case n.GetTruncateStmt() != nil:
		for _, r := range n.GetTruncateStmt().GetRelations() {
			w.on(needTruncate, r.GetRangeVar())
		}
	case n.GetSelectStmt() != nil:
		for _, r := range n.GetSelectStmt().GetFromClause() {
			w.on(needSelect, unlessShadowed(n.GetSelectStmt(), r.GetRangeVar()))
		}
	case n.GetRefreshMatViewStmt() != nil:
		w.on(needMaintain, n.GetRefreshMatViewStmt().GetRelation())
	case n.GetReindexStmt() != nil:
		w.on(needMaintain, n.GetReindexStmt().GetRelation())
	case n.GetClusterStmt() != nil:
		w.on(needMaintain, n.GetClusterStmt().GetRelation())
	case n.GetCreateRoleStmt() != nil:
		w.add(needCreateRole, "", "")
	case n.GetCreatedbStmt() != nil:
		w.add(needCreateDatabase, "", "")
	}
}

// unlessShadowed leaves out a name that WITH gives.
func unlessShadowed(s *pg.SelectStmt, r *pg.RangeVar) *pg.RangeVar {
	if s.GetWithClause() != nil {
		return nil
	}
	return r
}

// defines is about statements that make something.
func (w *needer) defines(n *pg.Node) bool {
	switch {
	case n.GetCreateStmt() != nil:
		w.createTable(n.GetCreateStmt())
	case n.GetCreateTableAsStmt() != nil:
		if !n.GetCreateTableAsStmt().GetIfNotExists() { // of one that exists, nothing is asked
			w.make(n.GetCreateTableAsStmt().GetInto().GetRel())
		}
	case n.GetViewStmt() != nil:
		v := n.GetViewStmt()
		if v.GetReplace() {
			w.on(needOwner, v.GetView())
		}
		w.make(v.GetView())
	case n.GetCreateSeqStmt() != nil:
		w.make(n.GetCreateSeqStmt().GetSequence())
	case n.GetCompositeTypeStmt() != nil:
		w.make(n.GetCompositeTypeStmt().GetTypevar())
	case n.GetCreateEnumStmt() != nil:
		w.makeNamed(n.GetCreateEnumStmt().GetTypeName())
	case n.GetCreateRangeStmt() != nil:
		w.makeNamed(n.GetCreateRangeStmt().GetTypeName())
	case n.GetCreateDomainStmt() != nil:
		w.usesType(n.GetCreateDomainStmt().GetTypeName())
		w.makeNamed(n.GetCreateDomainStmt().GetDomainname())
	case n.GetCreateFunctionStmt() != nil:
		schema, _ := twoParts(n.GetCreateFunctionStmt().GetFuncname())
		w.add(needSchema, schema, "")
	case n.GetCreateSchemaStmt() != nil:
		w.createSchema(n.GetCreateSchemaStmt())
	case n.GetCreateExtensionStmt() != nil:
		w.add(needExtension, "", n.GetCreateExtensionStmt().GetExtname())
	case n.GetIndexStmt() != nil:
		w.on(needOwnerAndSchema, n.GetIndexStmt().GetRelation())
		w.made[[2]string{n.GetIndexStmt().GetRelation().GetSchemaname(), n.GetIndexStmt().GetIdxname()}] = true
	case n.GetCreateTrigStmt() != nil:
		w.on(needTrigger, n.GetCreateTrigStmt().GetRelation())
	case n.GetCreatePolicyStmt() != nil:
		w.on(needOwner, n.GetCreatePolicyStmt().GetTable())
	case n.GetRuleStmt() != nil:
		w.on(needOwner, n.GetRuleStmt().GetRelation())
	case n.GetCreateStatsStmt() != nil:
		for _, r := range n.GetCreateStatsStmt().GetRelations() {
			w.on(needOwner, r.GetRangeVar())
		}
	default:
		return false
	}
	return true
}

func (w *needer) createSchema(s *pg.CreateSchemaStmt) {
	w.add(needDatabase, "", "")
	if r := s.GetAuthrole(); r.GetRoletype() == pg.RoleSpecType_ROLESPEC_CSTRING {
		w.add(needRole, "", r.GetRolename())
	}
}

func (w *needer) createTable(c *pg.CreateStmt) {
	if len(c.GetInhRelations()) > 0 {
		for _, r := range c.GetInhRelations() {
			w.on(needOwner, r.GetRangeVar())
		}
	}
	for _, e := range c.GetTableElts() {
		w.element(e)
	}
	w.make(c.GetRelation())
}

// element is a column or a constraint.
func (w *needer) element(e *pg.Node) {
	if c := e.GetColumnDef(); c != nil {
		w.usesType(c.GetTypeName())
		for _, k := range c.GetConstraints() {
			w.constraint(k.GetConstraint())
		}
	}
	w.constraint(e.GetConstraint())
}

func (w *needer) constraint(k *pg.Constraint) {
	if k.GetContype() == pg.ConstrType_CONSTR_FOREIGN {
		w.on(needReferences, k.GetPktable())
	}
}

func (w *needer) usesType(t *pg.TypeName) {
	schema, name := twoParts(t.GetNames())
	if name != "" && schema != "pg_catalog" {
		w.add(needType, schema, name)
	}
}

// changes is about statements that change or drop something.
func (w *needer) changes(n *pg.Node) bool {
	switch {
	case n.GetAlterTableStmt() != nil:
		w.alterTable(n.GetAlterTableStmt())
	case n.GetRenameStmt() != nil:
		w.rename(n.GetRenameStmt())
	case n.GetAlterObjectSchemaStmt() != nil:
		s := n.GetAlterObjectSchemaStmt()
		w.on(needOwner, s.GetRelation())
		w.add(needSchema, s.GetNewschema(), "")
	case n.GetAlterEnumStmt() != nil:
		schema, name := twoParts(n.GetAlterEnumStmt().GetTypeName())
		w.add(needTypeOwner, schema, name)
	case n.GetAlterDomainStmt() != nil:
		schema, name := twoParts(n.GetAlterDomainStmt().GetTypeName())
		w.add(needTypeOwner, schema, name)
	case n.GetAlterSeqStmt() != nil:
		w.on(needOwner, n.GetAlterSeqStmt().GetSequence())
	case n.GetAlterPolicyStmt() != nil:
		w.on(needOwner, n.GetAlterPolicyStmt().GetTable())
	case n.GetCommentStmt() != nil:
		w.comment(n.GetCommentStmt())
	case n.GetDropStmt() != nil:
		w.drop(n.GetDropStmt())
	default:
		return false
	}
	return true
}

func (w *needer) alterTable(a *pg.AlterTableStmt) {
	if a.GetObjtype() == pg.ObjectType_OBJECT_TYPE {
		return
	}
	w.on(needOwner, a.GetRelation())
	for _, c := range a.GetCmds() {
		cmd := c.GetAlterTableCmd()
		switch cmd.GetSubtype() {
		case pg.AlterTableType_AT_AddColumn, pg.AlterTableType_AT_AddConstraint, pg.AlterTableType_AT_AlterColumnType:
			w.element(cmd.GetDef())
		case pg.AlterTableType_AT_AttachPartition:
			w.on(needOwner, cmd.GetDef().GetPartitionCmd().GetName())
		case pg.AlterTableType_AT_ChangeOwner:
			if r := cmd.GetNewowner(); r.GetRoletype() == pg.RoleSpecType_ROLESPEC_CSTRING {
				w.add(needRole, "", r.GetRolename())
			}
		}
	}
}

func (w *needer) rename(r *pg.RenameStmt) {
	v := r.GetRelation()
	switch r.GetRenameType() {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_INDEX:
		w.on(needOwnerAndSchema, v)
		w.made[[2]string{v.GetSchemaname(), r.GetNewname()}] = true
	case pg.ObjectType_OBJECT_COLUMN, pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_TRIGGER:
		w.on(needOwner, v)
	}
}

func (w *needer) comment(c *pg.CommentStmt) {
	parts := c.GetObject().GetList().GetItems()
	switch c.GetObjtype() {
	case pg.ObjectType_OBJECT_COLUMN:
		if len(parts) < 2 {
			return
		}
		parts = parts[:len(parts)-1]
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_INDEX:
	default:
		return
	}
	schema, name := twoParts(parts)
	w.add(needOwner, schema, name)
}

func (w *needer) drop(d *pg.DropStmt) {
	for _, o := range d.GetObjects() {
		switch d.GetRemoveType() {
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_INDEX:
			schema, name := twoParts(o.GetList().GetItems())
			w.add(needDrop, schema, name)
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			schema, name := twoParts(o.GetTypeName().GetNames())
			w.add(needTypeOwner, schema, name)
		case pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_RULE:
			if parts := o.GetList().GetItems(); len(parts) > 1 {
				schema, name := twoParts(parts[:len(parts)-1])
				w.add(needOwner, schema, name)
			}
		}
	}
}

// twoParts gives schema and name of a qualified name; a database in front is passed over.
func twoParts(parts []*pg.Node) (schema, name string) {
	if len(parts) == 0 {
		return "", ""
	}
	name = parts[len(parts)-1].GetString_().GetSval()
	if len(parts) > 1 {
		schema = parts[len(parts)-2].GetString_().GetSval()
	}
	return schema, name
}
