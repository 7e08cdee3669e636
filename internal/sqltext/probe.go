package sqltext

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ProbeWhat says which question to the catalog tells, after a crash, whether a statement that could be in no
// transaction took effect.
type ProbeWhat string

// The questions. The zero value asks nothing.
const (
	// the index exists on the table, is valid, and has this definition
	IndexValid ProbeWhat = "index-valid"
	IndexGone  ProbeWhat = "index-gone" // no index of that name exists
	// valid, and no *_ccnew or *_ccold left; running it again is harmless
	IndexRebuilt      ProbeWhat = "index-rebuilt"
	PartitionDetached ProbeWhat = "partition-detached" // Name is no partition of Table, and no detach is pending
	DatabaseExists    ProbeWhat = "database-exists"
	DatabaseGone      ProbeWhat = "database-gone"
	TablespaceExists  ProbeWhat = "tablespace-exists"
	TablespaceGone    ProbeWhat = "tablespace-gone"
	Repeatable        ProbeWhat = "repeatable" // nothing to ask: running it again gives the same (VACUUM, ALTER SYSTEM)
)

// Probe describes the question for one statement. An empty Schema means that the name is found through the search path
// in force, so the session settings of the unit come first. An empty Name with IndexValid means that PostgreSQL chose
// the name: compare what exists on Table.
type Probe struct {
	What        ProbeWhat `json:"what"`
	Schema      string    `json:"schema,omitempty"`
	Name        string    `json:"name,omitempty"`
	TableSchema string    `json:"table_schema,omitempty"`
	Table       string    `json:"table,omitempty"`
	Unique      bool      `json:"unique,omitempty"`
	IfGuarded   bool      `json:"if_guarded,omitempty"` // the statement says IF [NOT] EXISTS
	Target      string    `json:"target,omitempty"`     // of a REINDEX: index, table, schema, system, database
}

// probeOf gives the probe of a statement that can be in no transaction, or nil.
func probeOf(n *pg.Node) *Probe {
	switch {
	case n.GetIndexStmt() != nil:
		i := n.GetIndexStmt()
		return &Probe{What: IndexValid, Schema: i.GetRelation().GetSchemaname(), Name: i.GetIdxname(),
			TableSchema: i.GetRelation().GetSchemaname(), Table: i.GetRelation().GetRelname(),
			Unique: i.GetUnique(), IfGuarded: i.GetIfNotExists()}
	case n.GetDropStmt() != nil:
		d := n.GetDropStmt()
		if len(d.GetObjects()) != 1 {
			return nil
		}
		schema, name := QualifiedName(d.GetObjects()[0].GetList().GetItems())
		return &Probe{What: IndexGone, Schema: schema, Name: name, IfGuarded: d.GetMissingOk()}
	case n.GetReindexStmt() != nil:
		return reindexProbe(n.GetReindexStmt())
	case n.GetAlterTableStmt() != nil:
		return detachProbe(n.GetAlterTableStmt())
	case n.GetVacuumStmt() != nil, n.GetAlterSystemStmt() != nil, n.GetClusterStmt() != nil:
		return &Probe{What: Repeatable}
	case n.GetCreatedbStmt() != nil:
		return &Probe{What: DatabaseExists, Name: n.GetCreatedbStmt().GetDbname()}
	case n.GetDropdbStmt() != nil:
		return &Probe{What: DatabaseGone, Name: n.GetDropdbStmt().GetDbname(),
			IfGuarded: n.GetDropdbStmt().GetMissingOk()}
	case n.GetCreateTableSpaceStmt() != nil:
		return &Probe{What: TablespaceExists, Name: n.GetCreateTableSpaceStmt().GetTablespacename()}
	case n.GetDropTableSpaceStmt() != nil:
		t := n.GetDropTableSpaceStmt()
		return &Probe{What: TablespaceGone, Name: t.GetTablespacename(), IfGuarded: t.GetMissingOk()}
	}
	return nil
}

func reindexProbe(r *pg.ReindexStmt) *Probe {
	p := &Probe{What: IndexRebuilt, Schema: r.GetRelation().GetSchemaname(), Name: r.GetRelation().GetRelname()}
	switch r.GetKind() {
	case pg.ReindexObjectType_REINDEX_OBJECT_INDEX:
		p.Target = "index"
	case pg.ReindexObjectType_REINDEX_OBJECT_TABLE:
		p.Target = "table"
	case pg.ReindexObjectType_REINDEX_OBJECT_SCHEMA:
		p.Target, p.Name = "schema", r.GetName()
	case pg.ReindexObjectType_REINDEX_OBJECT_SYSTEM:
		p.Target, p.Name = "system", r.GetName()
	default:
		p.Target, p.Name = "database", r.GetName()
	}
	return p
}

func detachProbe(a *pg.AlterTableStmt) *Probe {
	for _, c := range a.GetCmds() {
		part := c.GetAlterTableCmd().GetDef().GetPartitionCmd()
		if part == nil {
			continue
		}
		return &Probe{What: PartitionDetached, Schema: part.GetName().GetSchemaname(),
			Name:        part.GetName().GetRelname(),
			TableSchema: a.GetRelation().GetSchemaname(), Table: a.GetRelation().GetRelname()}
	}
	return nil
}

// QualifiedName splits a dotted name into schema and name.
func QualifiedName(parts []*pg.Node) (schema, name string) {
	for _, p := range parts {
		schema, name = name, p.GetString_().GetSval()
	}
	return schema, name
}

// Walk visits every node below (and with) m until visit says false.
func Walk(m protoreflect.Message, visit func(m protoreflect.Message) bool) {
	if !m.IsValid() || !visit(m) {
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() != protoreflect.MessageKind {
			return true
		}
		if f.IsList() {
			for i := range v.List().Len() {
				Walk(v.List().Get(i).Message(), visit)
			}
			return true
		}
		Walk(v.Message(), visit)
		return true
	})
}
