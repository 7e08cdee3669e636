package rules

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/syntax"
)

// nameRules are about names and columns that the running image does not know.
func nameRules() []Analyzer {
	return []Analyzer{
		{report.Rule{ID: "add-required-column", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why: "INSERTs of the running image do not name the column, so they fail; and so does the statement, when " +
				"there are rows.",
			Do: "ALTER TABLE t ADD COLUMN c type;  -- nullable, or with a constant DEFAULT\n-- fill it, ship the " +
				"image that writes it, then SET NOT NULL in a later release",
			Server: "ACCESS EXCLUSIVE and a scan; the first row makes it fail.",
			Unless: "With a default that is not null, or on a table that the script made."}, addRequiredColumn},
		{report.Rule{ID: "rename-column", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why:    "The running image uses the old name and fails at once.",
			Do:     "add a column, write both, switch the readers, drop the old one in a later release",
			Server: "ACCESS EXCLUSIVE for a moment, on partitions and children too."}, renameColumn},
		{report.Rule{ID: "rename-table", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why: "The running image uses the old name and fails at once.",
			Do: "rename, and leave a view under the old name in the same transaction; or make a new table and move " +
				"over",
			Server: "ACCESS EXCLUSIVE for a moment."}, renameTable},
		{report.Rule{ID: "rename-object", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why: "The running image uses the old name and fails at once.",
			Do:  "make the new one beside the old one, and drop the old one in a later release"}, renameObject},
		{report.Rule{ID: "enum-rename-value", Family: report.FamilyCompatibility, Severity: report.SeverityBlock,
			Why: "The running image still writes and reads the old label.",
			Do:  "add the new value, migrate the rows, retire the old value later"}, enumRenameValue},
	}
}

func addRequiredColumn(p *Pass) {
	t, cmds := p.Alters()
	for _, c := range cmds {
		def := c.GetDef().GetColumnDef()
		if c.GetSubtype() != pg.AlterTableType_AT_AddColumn || def == nil {
			continue
		}
		if known := p.State.Table(t); c.GetMissingOk() && known.Column(def.GetColname()) != nil {
			continue
		}
		if f := syntax.FactsOf(def); f.NotNull && !f.Filled(syntax.TypeOf(def.GetTypeName())) {
			p.Breaks(report.Incompatible)
			p.Report(def.GetLocation(), "column %s.%s is NOT NULL and has no default", t, def.GetColname())
		}
	}
}

func renameColumn(p *Pass) {
	r := p.Node.GetRenameStmt()
	if r == nil || r.GetRenameType() != pg.ObjectType_OBJECT_COLUMN &&
		r.GetRenameType() != pg.ObjectType_OBJECT_ATTRIBUTE {
		return
	}
	n := p.State.Named(r.GetRelation())
	if p.State.IsNew(n) || p.State.ColumnIsNew(n, r.GetSubname()) ||
		r.GetRenameType() == pg.ObjectType_OBJECT_ATTRIBUTE && p.State.Types[n.Name] {
		return
	}
	p.Breaks(report.Incompatible)
	p.Report(r.GetRelation().GetLocation(), "column %s.%s is renamed to %s", n, r.GetSubname(), r.GetNewname())
}

func renameTable(p *Pass) {
	relation := p.Node.GetAlterObjectSchemaStmt().GetRelation()
	if r := p.Node.GetRenameStmt(); r != nil {
		switch r.GetRenameType() {
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
			pg.ObjectType_OBJECT_FOREIGN_TABLE:
			relation = r.GetRelation()
		}
	}
	if relation == nil || p.State.IsNew(p.State.Named(relation)) {
		return
	}
	p.Breaks(report.Incompatible)
	p.Report(relation.GetLocation(), "%s gets another name or schema", p.State.Named(relation))
}

func renameObject(p *Pass) {
	if o := p.Node.GetAlterObjectSchemaStmt(); o != nil && o.GetRelation() == nil {
		p.Breaks(report.Incompatible)
		p.Report(0, "%s moves an object that the running image may use", p.Kind)
	}
	r := p.Node.GetRenameStmt()
	if r == nil {
		return
	}
	switch r.GetRenameType() {
	case pg.ObjectType_OBJECT_SCHEMA, pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN,
		pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE,
		pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_ROLE, pg.ObjectType_OBJECT_DATABASE:
		if p.State.Types[p.State.Listed(r.GetObject()).Name] {
			return
		}
		p.Breaks(report.Incompatible)
		p.Report(0, "%s to %s", p.Kind, r.GetNewname())
	}
}

func enumRenameValue(p *Pass) {
	if e := p.Node.GetAlterEnumStmt(); e.GetOldVal() != "" {
		p.Breaks(report.Incompatible)
		p.Report(0, "enum value %q is renamed to %q", e.GetOldVal(), e.GetNewVal())
	}
}
