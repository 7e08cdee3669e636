package sqlreview

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pg "github.com/pganalyze/pg_query_go/v6"

	"fairlead/internal/sqltext"
)

// Limits on what one review follows.
const (
	maxBodyDepth = 8      // DO, EXECUTE and calls inside one another
	maxLeaves    = 50_000 // statements inside bodies, of one review
	maxShown     = 20_000 // statements of one file that are shown with their claims; the rest still counts
	maxFindings  = 2_000  // findings of one file that are shown; the rest still counts
)

// Review reads the files in order and says what they will do. It never fails
// and never panics: what cannot be read is a finding. Files that do not follow
// one another are read side by side.
func Review(in Input) Report {
	base := indexOf(in.Catalog)
	groups := [][]File{in.Files}
	if !in.Policy.Sequence {
		groups = nil
		for _, f := range in.Files {
			groups = append(groups, []File{f})
		}
	}
	parts := make([]Report, len(groups))
	analyzers := Analyzers()
	sideBySide(len(groups), func(i int) { parts[i] = reviewFiles(in, base, analyzers, groups[i], i == 0) })
	out := emptyReport(in)
	for i, p := range parts {
		out.merge(p)
		parts[i] = Report{}
	}
	return out
}

// sideBySide does n things, with as many goroutines as there are processors.
func sideBySide(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if !sqltext.Concurrent || n < 8 {
		workers = 1
	}
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

func emptyReport(in Input) Report {
	return Report{
		Schema: Schema, Verdict: Pass, Compatibility: Compatible, Idempotent: Guarded, Catalog: in.Catalog != nil,
		Files: []FileReport{}, Findings: []Finding{}, Statements: []StatementReport{}, policy: in.Policy,
	}
}

// merge adds the report of other files.
func (r *Report) merge(p Report) {
	if p.Verdict == Block || p.Verdict == Warn && r.Verdict == Pass {
		r.Verdict = p.Verdict
	}
	if p.Idempotent == NotIdempotent || p.Idempotent == Atomic && r.Idempotent == Guarded {
		r.Idempotent = p.Idempotent
	}
	r.Compatibility = worse(r.Compatibility, p.Compatibility)
	r.Coverage.Reviewed += p.Coverage.Reviewed
	r.Coverage.Total += p.Coverage.Total
	r.LeftOut += p.LeftOut
	r.Unlisted += p.Unlisted
	r.Silenced += p.Silenced
	if len(r.Statements) == 0 {
		r.Statements = p.Statements
	} else {
		r.Statements = append(r.Statements, p.Statements...)
	}
	r.Files, r.Findings = append(r.Files, p.Files...), append(r.Findings, p.Findings...)
}

// reviewFiles reads files of which each follows the one before.
func reviewFiles(in Input, base index, analyzers []Analyzer, files []File, first bool) Report {
	r := &reviewer{policy: in.Policy, catalog: in.Catalog, analyzers: analyzers, state: newState(in.Catalog, base),
		report: emptyReport(in), seen: map[string]int{}, now: in.Now}
	for i, f := range files {
		r.inPlace = 0
		if i == 0 && first {
			r.inPlace = in.InPlace
		}
		r.file(f)
	}
	r.waive(in.Waivers)
	r.report.judge()
	return r.report
}

// judge raises the verdict to what the findings say.
func (r *Report) judge() {
	for _, f := range r.Findings {
		switch {
		case f.Waived != nil:
		case f.Severity == SeverityBlock:
			r.Verdict = Block
		case f.Severity == SeverityWarn && r.Verdict == Pass:
			r.Verdict = Warn
		}
	}
}

type reviewer struct {
	policy    Policy
	catalog   *Catalog
	analyzers []Analyzer
	state     *state
	report    Report
	seen      map[string]int

	name      string
	script    sqltext.Script
	tool      *tool // of the present file, once somebody asked
	statement int   // being reviewed, or -1
	now       time.Time
	sql       []byte
	inPlace   int // units of the present file
	first     int // finding of the present file
	shown     int // statements of earlier files
	leaves    int
	failed    bool // something of the present top statement could not be read
}

func (r *reviewer) file(f File) {
	script, err := f.parsed()
	r.shown = len(r.report.Statements)
	r.first, r.sql = len(r.report.Findings), f.SQL
	r.name, r.script, r.tool = f.Name, script, nil
	r.report.Files = append(r.report.Files, FileReport{f.Name, script.SHA256, len(script.Units)})
	if err != nil {
		r.problems()
	}
	r.statement = -1
	r.foresee()
	units := unitsOf(script)
	last := -1
	for i, st := range script.Statements {
		if units[i] != last || units[i] < 0 {
			r.state.endUnit()
			last = units[i]
		}
		r.statement = i
		if len(r.script.Units) > 0 && units[i] < r.inPlace {
			r.report.Coverage.Reviewed++
			r.report.Coverage.Total++
			continue
		}
		r.top(i, st, units[i])
	}
	r.habit()
	r.statement = -1
	r.state.endUnit()
	r.exceptions(r.first)
}

// problems reports what the file says that cannot be applied at all.
func (r *reviewer) problems() {
	for _, p := range r.script.Problems {
		rule := unreviewable()
		switch p.Code {
		case sqltext.CodeInBlock:
			rule = concurrentlyInTx().Rule
		case sqltext.CodeTransaction, sqltext.CodeSession:
			rule = transactionControl()
		}
		r.add(found{rule, rule.Severity, p.Offset, p.Message, "text"}, string(p.Code)+p.Message)
	}
	r.report.Compatibility = worse(r.report.Compatibility, Unknown)
	if len(r.script.Statements) == 0 {
		r.report.Coverage.Total++
		r.report.Idempotent = NotIdempotent
	}
}

// foresee notes what later statements make, so that a view which is dropped
// and made again is told from one that is gone.
func (r *reviewer) foresee() {
	clear(r.state.analyzed)
	for i, st := range r.script.Statements {
		switch {
		case st.Kind == "ANALYZE" || st.Kind == "VACUUM":
			r.state.foreseeAnalyze(r.script.Node(i).GetVacuumStmt())
			continue
		case !strings.HasPrefix(st.Kind, "CREATE"):
			continue
		}
		n := r.script.Node(i)
		if v := n.GetViewStmt(); v != nil {
			r.state.later[v.GetView().GetRelname()] = true
		}
		if c := n.GetCreateTableAsStmt(); c != nil {
			r.state.later[c.GetInto().GetRel().GetRelname()] = true
		}
		if f := n.GetCreateFunctionStmt(); f != nil {
			r.state.later[lastName(f.GetFuncname())] = true
		}
	}
}

// unitsOf gives the unit of each statement. A file that is refused has no
// units; its BEGIN and COMMIT still say what shares a transaction.
func unitsOf(s sqltext.Script) []int {
	out := make([]int, len(s.Statements))
	if len(s.Units) > 0 {
		for i := range out {
			out[i] = -1
		}
		for _, u := range s.Units {
			for _, st := range u.Statements {
				out[st.Index] = u.Index
			}
		}
		return out
	}
	unit := 0
	for i := range out {
		if s.Node(i).GetTransactionStmt() != nil {
			unit++
		}
		out[i] = unit
	}
	return out
}

func lastName(parts []*pg.Node) string {
	if len(parts) == 0 {
		return ""
	}
	return parts[len(parts)-1].GetString_().GetSval()
}

// top reviews one statement of the file itself.
func (r *reviewer) top(i int, st sqltext.Statement, unit int) {
	r.report.Coverage.Total++
	if r.script.Node(i).GetTransactionStmt() != nil {
		r.report.Coverage.Reviewed++
		return
	}
	if len(r.script.Units) == 0 {
		unit = -1
	}
	r.failed = false
	r.leaf(leaf{
		node: r.script.Node(i), index: i, sql: st.SQL, kind: st.Kind, base: r.script.Base(i), exact: true, start: st.Start, unit: unit,
		alone: st.Transactional == sqltext.NoTransaction, probed: st.Probe != nil,
	}, 0)
	if !r.failed {
		r.report.Coverage.Reviewed++
	}
}

// leaf reviews one statement as it is executed, then what it executes itself.
func (r *reviewer) leaf(l leaf, depth int) {
	if depth > 0 {
		r.leaves++
	}
	if r.leaves > maxLeaves || depth > maxBodyDepth {
		r.cannot(l, unreviewable(), "the script executes more statements, or deeper ones, than are followed")
		return
	}
	p := &pass{leaf: &l, state: r.state, policy: r.policy, compat: Compatible}
	if !p.inBody && r.inBlock(p.start) {
		p.claims.Fails = p.kind + " cannot run inside a transaction block"
	}
	p.foreseeFailure()
	p.claim()
	p.judge()
	for _, a := range r.analyzers {
		a.Check(p)
	}
	r.take(p)
	r.state.apply(p)
	r.inside(l, depth)
}

// inBlock says whether the file was refused because of the statement that stands there.
func (r *reviewer) inBlock(offset int) bool {
	return slices.ContainsFunc(r.script.Problems, func(p *sqltext.SyntaxError) bool { return p.Code == sqltext.CodeInBlock && p.Offset == offset })
}

// take adds what a pass found to the report.
func (r *reviewer) take(p *pass) {
	for _, f := range p.findings {
		r.add(f, p.sql)
	}
	line, _ := r.script.Position(p.start)
	r.report.Compatibility = worse(r.report.Compatibility, p.compat)
	r.show(StatementReport{
		File: r.name, Line: line, Statement: p.index, Kind: p.kind, Unit: p.unit, Guarded: p.doubt, Compatibility: p.compat, Claims: p.claims.complete(),
	})
	r.rerun(p)
}

func (r *reviewer) rerun(p *pass) {
	switch {
	case p.rerun || p.guarded || p.claims.Fails != "":
		return
	case !r.policy.Unrecorded && (!p.alone || p.probed):
		if r.report.Idempotent == Guarded {
			r.report.Idempotent = Atomic
		}
		return
	}
	r.report.Idempotent = NotIdempotent
	rule := notIdempotent()
	r.add(found{rule, rule.Severity, p.start, p.kind + " cannot run twice, is in no transaction, and leaves nothing to ask the catalog about", "text"}, p.sql)
}

// advice is a rule's, with what must change in the tool that the file is for.
func (r *reviewer) advice(rule Rule) string {
	if !outsideRules(rule.ID) {
		return rule.Do
	}
	return r.writtenFor().advise(rule)
}

// writtenFor recognises the tool of the present file, once.
func (r *reviewer) writtenFor() tool {
	if r.tool == nil {
		t := toolOf(r.name, r.script.Slice(sqltext.Range{Start: 0, End: min(len(r.sql), 16<<10)}))
		r.tool = &t
	}
	return *r.tool
}

// cannot reports that a statement could not be read to its end.
func (r *reviewer) cannot(l leaf, rule Rule, message string) {
	r.failed, r.state.murky = true, true
	r.report.Compatibility = worse(r.report.Compatibility, Unknown)
	r.add(found{rule, rule.Severity, l.start, message, "text"}, l.sql)
	line, _ := r.script.Position(l.start)
	r.show(StatementReport{File: r.name, Line: line, Statement: l.index, Kind: l.kind, Unit: l.unit, Guarded: true,
		Compatibility: Unknown, Claims: Claims{MayLock: []string{"*"}}.complete()})
}

// show lists a statement with its claims, up to a limit.
func (r *reviewer) show(s StatementReport) {
	if len(r.report.Statements)-r.shown >= maxShown {
		r.report.Unlisted++
		return
	}
	r.report.Statements = append(r.report.Statements, s)
}

func (r *reviewer) add(f found, sql string) {
	plain := f.severity
	severity, shown := r.policy.level(f.rule, f.severity)
	if !shown {
		r.report.Silenced++
		return
	}
	f.severity = severity
	if len(r.report.Findings)-r.first >= maxFindings {
		r.report.LeftOut++
		switch {
		case f.severity == SeverityBlock:
			r.report.Verdict = Block
		case f.severity == SeverityWarn && r.report.Verdict == Pass:
			r.report.Verdict = Warn
		}
		return
	}
	line, column := r.script.Position(f.offset)
	print := fingerprint(f.rule.ID, strings.Join(strings.Fields(sql), " "), f.message)
	if n := r.seen[print]; n > 0 {
		print = fmt.Sprintf("%s-%d", print, n+1)
	}
	r.seen[strings.SplitN(print, "-", 2)[0]]++
	r.report.Findings = append(r.report.Findings, Finding{
		Rule: f.rule.ID, Severity: f.severity, File: r.name, Line: line, Column: column,
		Message: f.message, Why: f.rule.Why, Do: r.advice(f.rule), Evidence: f.evidence, Fingerprint: print,
		statement: r.statement, sha256: r.script.SHA256,
	})
	if plain != severity {
		r.report.Findings[len(r.report.Findings)-1].Plain = plain
	}
}

// fingerprint is the same for the same finding wherever it stands.
func fingerprint(rule, sql, message string) string {
	sum := sha256.Sum256([]byte(rule + "\x00" + sql + "\x00" + message))
	return hex.EncodeToString(sum[:])[:16]
}

// complete sorts and turns nil into empty, so that the JSON has lists.
func (c Claims) complete() Claims {
	c.Locks = append([]Lock{}, c.Locks...)
	slices.SortFunc(c.Locks, func(a, b Lock) int { return strings.Compare(a.Relation+a.Mode, b.Relation+b.Mode) })
	c.Locks = slices.Compact(c.Locks)
	c.Rewrites, c.Scans, c.Builds = unique(c.Rewrites), unique(c.Scans), unique(c.Builds)
	return c
}

func unique(in []string) []string {
	out := append([]string{}, in...)
	slices.Sort(out)
	return slices.Compact(out)
}
