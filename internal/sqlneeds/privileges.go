// Package sqlneeds reads in a script what it needs of a server before it is run: privileges on what is there already,
// and effects that would reach beyond the database. It asks no server and judges nothing. Start with Privileges and
// OutsideEffects.
package sqlneeds

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqltext"
)

// A Privilege is a right that a statement can need.
type Privilege string

// The privileges. Those of a table's own grants are named as in GRANT; select, insert, update and references are on any
// column, and CreateInSchema without a schema is about the first of the search path.
const (
	Owner            Privilege = "owner"    // of a relation
	OwnerAndSchema   Privilege = "owner+"   // of a relation, and CREATE in its schema
	Drop             Privilege = "drop"     // owner of a relation or of its schema
	Maintain         Privilege = "maintain" // owner, or MAINTAIN from 17 on
	Select           Privilege = "select"
	Insert           Privilege = "insert"
	Update           Privilege = "update"
	Delete           Privilege = "delete"
	Truncate         Privilege = "truncate"
	References       Privilege = "references"
	Trigger          Privilege = "trigger"
	CreateInSchema   Privilege = "schema"
	CreateInDatabase Privilege = "database"
	Extension        Privilege = "extension"
	UseType          Privilege = "type"
	TypeOwner        Privilege = "type owner"
	Membership       Privilege = "role"
	CreateRole       Privilege = "createrole"
	CreateDatabase   Privilege = "createdb"
)

// A Need is a privilege that a statement needs on something that may be there before the script.
type Need struct {
	Line         int
	Kind         string // of the statement, like ALTER TABLE
	Privilege    Privilege
	Schema, Name string
}

// Key is the qualified name that it is about.
func (n Need) Key() [2]string { return [2]string{n.Schema, n.Name} }

// A collector gathers needs. What the script itself has made is not asked for.
type collector struct {
	all   []Need
	seen  map[Need]bool
	made  map[[2]string]bool
	line  int
	kind  string
	moved bool // search_path was changed: unqualified names lead nobody knows where
}

// Privileges lists what the statements of a script need, those of the first units left out. Blind is the line from
// which on it is not known, because another role is taken on there; 0 when there is none.
func Privileges(s sqltext.Script, unitsDone int) (all []Need, blind int) {
	w := collector{seen: map[Need]bool{}, made: map[[2]string]bool{}}
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

func (w *collector) add(k Privilege, schema, name string) {
	switch {
	case w.made[[2]string{schema, name}] && name != "":
		return
	case schema == "" && w.moved && k != CreateInDatabase && k != Extension && k != Membership && k != CreateRole &&
		k != CreateDatabase:
		return
	case schema == "pg_temp":
		return
	}
	n := Need{Privilege: k, Schema: schema, Name: name}
	if w.seen[n] {
		return
	}
	w.seen[n] = true
	n.Line, n.Kind = w.line, w.kind
	w.all = append(w.all, n)
}

func (w *collector) named(k Privilege, parts []*pg.Node) {
	schema, name := sqltext.QualifiedName(parts)
	w.add(k, schema, name)
}

func (w *collector) on(k Privilege, r *pg.RangeVar) {
	if r.GetRelname() != "" && r.GetRelpersistence() != "t" {
		w.add(k, r.GetSchemaname(), r.GetRelname())
	}
}

// make is about a new relation or the like.
func (w *collector) make(r *pg.RangeVar) {
	if r.GetRelpersistence() != "t" && r.GetSchemaname() != "pg_temp" {
		w.add(CreateInSchema, r.GetSchemaname(), "")
	}
	w.made[[2]string{r.GetSchemaname(), r.GetRelname()}] = true
}

func (w *collector) makeNamed(parts []*pg.Node) {
	schema, name := sqltext.QualifiedName(parts)
	w.add(CreateInSchema, schema, "")
	w.made[[2]string{schema, name}] = true
}

// statement is about one statement. What is not listed is left to the server.
func (w *collector) statement(n *pg.Node) {
	if w.defines(n) || w.changes(n) {
		return
	}
	switch {
	case n.GetInsertStmt() != nil:
		w.on(Insert, n.GetInsertStmt().GetRelation())
	case n.GetUpdateStmt() != nil:
		w.on(Update, n.GetUpdateStmt().GetRelation())
	case n.GetDeleteStmt() != nil:
		w.on(Delete, n.GetDeleteStmt().GetRelation())
	case n.GetTruncateStmt() != nil:
		for _, r := range n.GetTruncateStmt().GetRelations() {
			w.on(Truncate, r.GetRangeVar())
		}
	case n.GetSelectStmt() != nil && n.GetSelectStmt().GetWithClause() == nil: // whose names would hide relations
		for _, r := range n.GetSelectStmt().GetFromClause() {
			w.on(Select, r.GetRangeVar())
		}
	case n.GetRefreshMatViewStmt() != nil:
		w.on(Maintain, n.GetRefreshMatViewStmt().GetRelation())
	case n.GetReindexStmt() != nil:
		w.on(Maintain, n.GetReindexStmt().GetRelation())
	case n.GetClusterStmt() != nil:
		w.on(Maintain, n.GetClusterStmt().GetRelation())
	case n.GetCreateRoleStmt() != nil:
		w.add(CreateRole, "", "")
	case n.GetCreatedbStmt() != nil:
		w.add(CreateDatabase, "", "")
	}
}

// defines is about statements that make something.
func (w *collector) defines(n *pg.Node) bool {
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
			w.on(Owner, v.GetView())
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
		schema, _ := sqltext.QualifiedName(n.GetCreateFunctionStmt().GetFuncname())
		w.add(CreateInSchema, schema, "")
	case n.GetCreateSchemaStmt() != nil:
		w.createSchema(n.GetCreateSchemaStmt())
	case n.GetCreateExtensionStmt() != nil:
		w.add(Extension, "", n.GetCreateExtensionStmt().GetExtname())
	case n.GetIndexStmt() != nil:
		w.on(OwnerAndSchema, n.GetIndexStmt().GetRelation())
		w.made[[2]string{n.GetIndexStmt().GetRelation().GetSchemaname(), n.GetIndexStmt().GetIdxname()}] = true
	case n.GetCreateTrigStmt() != nil:
		w.on(Trigger, n.GetCreateTrigStmt().GetRelation())
	case n.GetCreatePolicyStmt() != nil:
		w.on(Owner, n.GetCreatePolicyStmt().GetTable())
	case n.GetRuleStmt() != nil:
		w.on(Owner, n.GetRuleStmt().GetRelation())
	case n.GetCreateStatsStmt() != nil:
		for _, r := range n.GetCreateStatsStmt().GetRelations() {
			w.on(Owner, r.GetRangeVar())
		}
	default:
		return false
	}
	return true
}

func (w *collector) createSchema(s *pg.CreateSchemaStmt) {
	w.add(CreateInDatabase, "", "")
	if r := s.GetAuthrole(); r.GetRoletype() == pg.RoleSpecType_ROLESPEC_CSTRING {
		w.add(Membership, "", r.GetRolename())
	}
}

func (w *collector) createTable(c *pg.CreateStmt) {
	for _, r := range c.GetInhRelations() {
		w.on(Owner, r.GetRangeVar())
	}
	for _, e := range c.GetTableElts() {
		w.element(e)
	}
	w.make(c.GetRelation())
}

// element is a column or a constraint.
func (w *collector) element(e *pg.Node) {
	if c := e.GetColumnDef(); c != nil {
		w.usesType(c.GetTypeName())
		for _, k := range c.GetConstraints() {
			w.constraint(k.GetConstraint())
		}
	}
	w.constraint(e.GetConstraint())
}

func (w *collector) constraint(k *pg.Constraint) {
	if k.GetContype() == pg.ConstrType_CONSTR_FOREIGN {
		w.on(References, k.GetPktable())
	}
}

func (w *collector) usesType(t *pg.TypeName) {
	schema, name := sqltext.QualifiedName(t.GetNames())
	if name != "" && schema != "pg_catalog" {
		w.add(UseType, schema, name)
	}
}

// changes is about statements that change or drop something.
func (w *collector) changes(n *pg.Node) bool {
	switch {
	case n.GetAlterTableStmt() != nil:
		w.alterTable(n.GetAlterTableStmt())
	case n.GetRenameStmt() != nil:
		w.rename(n.GetRenameStmt())
	case n.GetAlterObjectSchemaStmt() != nil:
		s := n.GetAlterObjectSchemaStmt()
		w.on(Owner, s.GetRelation())
		w.add(CreateInSchema, s.GetNewschema(), "")
	case n.GetAlterEnumStmt() != nil:
		w.named(TypeOwner, n.GetAlterEnumStmt().GetTypeName())
	case n.GetAlterDomainStmt() != nil:
		w.named(TypeOwner, n.GetAlterDomainStmt().GetTypeName())
	case n.GetAlterSeqStmt() != nil:
		w.on(Owner, n.GetAlterSeqStmt().GetSequence())
	case n.GetAlterPolicyStmt() != nil:
		w.on(Owner, n.GetAlterPolicyStmt().GetTable())
	case n.GetCommentStmt() != nil:
		w.comment(n.GetCommentStmt())
	case n.GetDropStmt() != nil:
		w.drop(n.GetDropStmt())
	default:
		return false
	}
	return true
}

func (w *collector) alterTable(a *pg.AlterTableStmt) {
	if a.GetObjtype() == pg.ObjectType_OBJECT_TYPE {
		return
	}
	w.on(Owner, a.GetRelation())
	for _, c := range a.GetCmds() {
		cmd := c.GetAlterTableCmd()
		switch cmd.GetSubtype() {
		case pg.AlterTableType_AT_AddColumn, pg.AlterTableType_AT_AddConstraint, pg.AlterTableType_AT_AlterColumnType:
			w.element(cmd.GetDef())
		case pg.AlterTableType_AT_AttachPartition:
			w.on(Owner, cmd.GetDef().GetPartitionCmd().GetName())
		case pg.AlterTableType_AT_ChangeOwner:
			if r := cmd.GetNewowner(); r.GetRoletype() == pg.RoleSpecType_ROLESPEC_CSTRING {
				w.add(Membership, "", r.GetRolename())
			}
		}
	}
}

func (w *collector) rename(r *pg.RenameStmt) {
	v := r.GetRelation()
	switch r.GetRenameType() {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
		pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_INDEX:
		w.on(OwnerAndSchema, v)
		w.made[[2]string{v.GetSchemaname(), r.GetNewname()}] = true
	case pg.ObjectType_OBJECT_COLUMN, pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_POLICY,
		pg.ObjectType_OBJECT_TRIGGER:
		w.on(Owner, v)
	}
}

func (w *collector) comment(c *pg.CommentStmt) {
	parts := c.GetObject().GetList().GetItems()
	switch c.GetObjtype() {
	case pg.ObjectType_OBJECT_COLUMN:
		if len(parts) < 2 {
			return
		}
		parts = parts[:len(parts)-1]
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
		pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_INDEX:
	default:
		return
	}
	w.named(Owner, parts)
}

func (w *collector) drop(d *pg.DropStmt) {
	for _, o := range d.GetObjects() {
		switch d.GetRemoveType() {
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
			pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_INDEX:
			w.named(Drop, o.GetList().GetItems())
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			w.named(TypeOwner, o.GetTypeName().GetNames())
		case pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_RULE:
			if parts := o.GetList().GetItems(); len(parts) > 1 {
				w.named(Owner, parts[:len(parts)-1])
			}
		}
	}
}
