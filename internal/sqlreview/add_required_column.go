package sqlreview

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

func addRequiredColumn() Analyzer {
	rule := Rule{
		ID: "add-required-column", Family: FamilyCompatibility, Severity: SeverityBlock,
		Why: "INSERTs of the running image do not name the column, so they fail; and so does the statement, when there are rows.",
		Do:  "ALTER TABLE t ADD COLUMN c type;  -- nullable, or with a constant DEFAULT\n-- fill it, ship the image that writes it, then SET NOT NULL in a later release",
	}
	return Analyzer{rule, func(p *pass) {
		t, cmds := p.alters()
		for _, c := range cmds {
			def := c.GetDef().GetColumnDef()
			if c.GetSubtype() != pg.AlterTableType_AT_AddColumn || def == nil {
				continue
			}
			if known := p.state.table(t); c.GetMissingOk() && known.column(def.GetColname()) != nil {
				continue
			}
			if f := columnFacts(def); f.notNull && !f.filled(typeOf(def.GetTypeName())) {
				p.breaks(Incompatible)
				p.report(rule, def.GetLocation(), "column %s.%s is NOT NULL and has no default", t, def.GetColname())
			}
		}
	}}
}
