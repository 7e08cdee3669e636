package sqlreview

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func enumSameTx() Analyzer {
	rule := Rule{
		ID: "enum-same-tx", Family: FamilyFailure, Severity: SeverityBlock,
		Why: "PostgreSQL refuses a new enum value in the transaction that adds it.",
		Do:  "commit ALTER TYPE … ADD VALUE first, in a transaction of its own",
	}
	return Analyzer{rule, func(p *pass) {
		if p.node.GetAlterEnumStmt() != nil {
			return
		}
		for _, label := range p.state.labels {
			if strings.Contains(p.sql, "'"+strings.ReplaceAll(label, "'", "''")+"'") && p.mayUse(label) {
				p.claims.Fails = "unsafe use of new value of enum type"
				p.report(rule, 0, "the value %q is used in the transaction that adds it", label)
			}
		}
	}}
}

// mayUse says whether a statement that has the text of a new label may mean the enum: it names the type, or a table with a column of it,
// or one of which not all columns are known.
func (p *pass) mayUse(label string) bool {
	enums := map[string]bool{}
	for enum, added := range p.state.added {
		if slices.Contains(added, label) {
			enums[enum] = true
		}
	}
	uses := p.node.GetDoStmt() != nil
	walk(p.node.ProtoReflect(), func(m protoreflect.Message) bool {
		switch x := m.Interface().(type) {
		case *pg.TypeName:
			uses = uses || enums[lastName(x.GetNames())]
		case *pg.FuncCall:
			uses = uses || builtinFunction(calledName(x)) == ""
		case *pg.RangeVar:
			n := p.state.named(x)
			t := p.state.table(n)
			uses = uses || t == nil || !p.state.whole(n) || slices.ContainsFunc(t.Columns, func(c Column) bool { return enums[parseType(c.Type).name] })
		}
		return !uses
	})
	return uses
}
