package rules

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/schema"
	"fairlead/internal/sqlreview/syntax"
	"fairlead/internal/sqltext"
)

// transactionRules are about what PostgreSQL refuses in one transaction.
func transactionRules() []Analyzer {
	return []Analyzer{
		{report.Rule{ID: "concurrently-in-tx", Family: report.FamilyFailure, Severity: report.SeverityBlock,
			OutsideTransaction: true, Why: "PostgreSQL refuses it inside a transaction or a function, always.",
			Do:     "move the statement out of BEGIN … COMMIT and out of DO, into a statement of its own",
			Server: "It is refused."}, concurrentlyInTx},
		{report.Rule{ID: "enum-same-tx", Family: report.FamilyFailure, Severity: report.SeverityBlock,
			OutsideTransaction: true, Why: "PostgreSQL refuses a new enum value in the transaction that adds it.",
			Do: "commit ALTER TYPE … ADD VALUE first, in a transaction of its own", Server: "No lock on a table.",
			Unless: "When the enum type was made in the same transaction, from version 12 on; fairlead blocks it all " +
				"the same when it cannot tell."}, enumSameTx},
	}
}

func concurrentlyInTx(p *Pass) {
	reportWork(p)
	if p.InBody && p.Refuses {
		p.Claims.Fails = p.Kind + " cannot be executed from a function"
		p.Report(0, "%s cannot run inside a DO block or function", p.Kind)
	}
}

func enumSameTx(p *Pass) {
	if p.Node.GetAlterEnumStmt() != nil {
		return
	}
	for _, label := range p.State.Labels {
		if strings.Contains(p.SQL, "'"+strings.ReplaceAll(label, "'", "''")+"'") && p.mayUse(label) {
			p.Claims.Fails = "unsafe use of new value of enum type"
			p.Report(0, "the value %q is used in the transaction that adds it", label)
		}
	}
}

// mayUse says whether a statement that has the text of a new label may mean the enum: it names the type, or a table
// with a column of it, or one of which not all columns are known.
func (p *Pass) mayUse(label string) bool {
	enums := map[string]bool{}
	for enum, added := range p.State.Added {
		if slices.Contains(added, label) {
			enums[enum] = true
		}
	}
	uses := p.Node.GetDoStmt() != nil
	sqltext.Walk(p.Node.ProtoReflect(), func(m protoreflect.Message) bool {
		switch x := m.Interface().(type) {
		case *pg.TypeName:
			uses = uses || enums[syntax.LastName(x.GetNames())]
		case *pg.FuncCall:
			uses = uses || schema.BuiltinFunction(syntax.CalledName(x)) == ""
		case *pg.RangeVar:
			n := p.State.Named(x)
			t := p.State.Table(n)
			uses = uses || t == nil || !p.State.ColumnsKnown(n) ||
				slices.ContainsFunc(t.Columns,
					func(c catalog.Column) bool { return enums[syntax.ParseType(c.Type).Name] })
		}
		return !uses
	})
	return uses
}
