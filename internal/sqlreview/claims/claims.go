// Package claims says what the server will do with a statement: locks, rewrites, scans, builds of indexes. Work of the
// size of a table carries the rule that speaks about it. Start at Of.
package claims

import (
	"fmt"

	"fairlead/internal/sqlreview/catalog"
	"fairlead/internal/sqlreview/failures"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/schema"
)

// Work is table-size work, or a failure, that a statement will cause. Cause is the rule that speaks about it.
type Work struct {
	Cause    string
	Relation catalog.Ref
	At       int32
	Message  string
	Evidence string
}

// pass is one statement for which it is said what the server will do.
type pass struct {
	*schema.Statement
	state *schema.State

	claims report.Claims
	work   []Work
}

// Of says what the server will do with a statement, and which rules speak about the work of the size of a table in it.
// Relations that the script made are of no concern to anybody else and are left out.
func Of(st *schema.Statement, s *schema.State, rowsAssumed bool) (report.Claims, []Work) {
	p := &pass{Statement: st, state: s}
	p.claims.Fails, p.claims.FailsIf = failures.Of(st, s, rowsAssumed)
	p.look()
	return p.claims, p.work
}

func (p *pass) does(cause string, n catalog.Ref, at int32, format string, args ...any) {
	p.work = append(p.work, Work{cause, n, at, fmt.Sprintf(format, args...), p.state.Evidence()})
}

func (p *pass) lock(n catalog.Ref, mode string) {
	if p.state.IsNew(n) || p.state.Missing(n) {
		return
	}
	p.claims.Locks = append(p.claims.Locks, report.Lock{Relation: n.String(), Mode: mode})
}

// lockAll locks a relation and its heirs.
func (p *pass) lockAll(n catalog.Ref, mode string) {
	for _, x := range append([]catalog.Ref{n}, p.state.Descendants(n)...) {
		p.lock(x, mode)
	}
}

// rewrite, scan and build speak about the relations that hold the rows.
func (p *pass) rewrite(n catalog.Ref) {
	p.claims.Rewrites = append(p.claims.Rewrites, p.state.RowHolders(n)...)
}

func (p *pass) scan(n catalog.Ref) { p.claims.Scans = append(p.claims.Scans, p.state.RowHolders(n)...) }

func (p *pass) build(n catalog.Ref) {
	p.claims.Builds = append(p.claims.Builds, p.state.RowHolders(n)...)
}

// mayScan names a relation that the server reads by a query of its own.
func (p *pass) mayScan(n catalog.Ref) {
	p.claims.MayScan = append(p.claims.MayScan, p.state.RowHolders(n)...)
}

// mayLock names a relation that is locked depending on rows.
func (p *pass) mayLock(n catalog.Ref) { p.claims.MayLock = append(p.claims.MayLock, n.String()) }

// mayLockAny says that any relation may be locked.
func (p *pass) mayLockAny() { p.claims.MayLock = append(p.claims.MayLock, "*") }
