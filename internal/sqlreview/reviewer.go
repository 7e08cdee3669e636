package sqlreview

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"fairlead/internal/migrator"
	"fairlead/internal/sqlreview/report"
	"fairlead/internal/sqlreview/rules"
	"fairlead/internal/sqlreview/schema"
	"fairlead/internal/sqlreview/syntax"
	"fairlead/internal/sqltext"
)

// Limits on what one review follows.
const (
	maxBodyDepth = 8      // DO, EXECUTE and calls inside one another
	maxExecuted  = 50_000 // statements inside bodies, of one review
	maxShown     = 20_000 // statements of one file that are shown with their claims; the rest still counts
	maxFindings  = 2_000  // findings of one file that are shown; the rest still counts
)

// Input is everything a review looks at. Files are reviewed in order.
type Input struct {
	Files   []File
	Catalog *Catalog // nil: unknown, so doubt blocks
	Policy  Policy
	Waivers []Waiver
	// InPlace is how many units of the first file the catalog shows the effects of: they are not applied again, so
	// nothing is said about them.
	InPlace int
	Now     time.Time // decides what has expired; zero: exceptions and waivers count as expired
}

// File is one migration; Name is what findings are reported under. Script is SQL as it was parsed already; nil lets the
// review parse it.
type File struct {
	Name   string
	SQL    []byte
	Script *sqltext.Script
}

func (f File) parsed() (sqltext.Script, error) {
	if f.Script != nil {
		return f.Script.Parsed()
	}
	return sqltext.Review(f.SQL)
}

// Review reads the files in order and says what they will do. It never fails and never panics: what cannot be read is a
// finding. Files that do not follow one another are read side by side.
func Review(in Input) Report {
	base := schema.BaseOf(in.Catalog)
	groups := [][]File{in.Files}
	if !in.Policy.Sequence {
		groups = nil
		for _, f := range in.Files {
			groups = append(groups, []File{f})
		}
	}
	parts := make([]Report, len(groups))
	analyzers := rules.Analyzers()
	parallel(len(groups), func(i int) { parts[i] = reviewFiles(in, base, analyzers, groups[i], i == 0) })
	out := emptyReport(in)
	for i, p := range parts {
		out.Merge(p)
		parts[i] = Report{}
	}
	return out
}

// parallel does n things, with as many goroutines as there are processors.
func parallel(n int, do func(i int)) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	if !sqltext.Concurrent || n < 8 {
		g.SetLimit(1)
	}
	for i := range n {
		g.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = g.Wait()
}

func emptyReport(in Input) Report {
	return Report{
		Schema: Schema, Verdict: Pass, Compatibility: Compatible, Idempotent: Guarded, Catalog: in.Catalog != nil,
		Files: []FileReport{}, Findings: []Finding{}, Statements: []StatementReport{}, Policy: in.Policy,
	}
}

// reviewFiles reads files of which each follows the one before.
func reviewFiles(in Input, base schema.Base, analyzers []rules.Analyzer, files []File, first bool) Report {
	r := &reviewer{policy: in.Policy, catalog: in.Catalog, analyzers: analyzers, state: schema.New(in.Catalog, base),
		report: emptyReport(in), seen: map[string]int{}, now: in.Now}
	for i, f := range files {
		r.inPlace = 0
		if i == 0 && first {
			r.inPlace = in.InPlace
		}
		r.file(f)
	}
	r.waive(in.Waivers)
	r.report.Judge()
	return r.report
}

type reviewer struct {
	policy    Policy
	catalog   *Catalog
	analyzers []rules.Analyzer
	state     *schema.State
	report    Report
	seen      map[string]int

	name      string
	script    sqltext.Script
	tool      *migrator.Tool // of the present file, once somebody asked
	statement int            // being reviewed, or -1
	now       time.Time
	sql       []byte
	inPlace   int // units of the present file
	first     int // finding of the present file
	shown     int // statements of earlier files
	executed  int
	failed    bool // something of the present top statement could not be read
}

func (r *reviewer) file(f File) {
	script, err := f.parsed()
	r.shown = len(r.report.Statements)
	r.first, r.sql = len(r.report.Findings), f.SQL
	r.name, r.script, r.tool = f.Name, script, nil
	r.report.Files = append(r.report.Files, FileReport{Name: f.Name, SHA256: script.SHA256, Units: len(script.Units)})
	if err != nil {
		r.problems()
	}
	r.statement = -1
	r.noteLater()
	units := unitsOf(script)
	last := -1
	for i, st := range script.Statements {
		if units[i] != last || units[i] < 0 {
			r.state.EndUnit()
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
	r.warnOfTool()
	r.statement = -1
	r.state.EndUnit()
	r.exceptions(r.first)
}

// problems reports what the file says that cannot be applied at all.
func (r *reviewer) problems() {
	for _, p := range r.script.Problems {
		rule := rules.Fixed(rules.Unreviewable)
		switch p.Code {
		case sqltext.CodeInBlock:
			rule = Rules()["concurrently-in-tx"]
		case sqltext.CodeTransaction, sqltext.CodeSession:
			rule = rules.Fixed(rules.TransactionControl)
		}
		r.note(rule, p.Offset, p.Message, string(p.Code)+p.Message)
	}
	r.report.Compatibility = report.Worse(r.report.Compatibility, Unknown)
	if len(r.script.Statements) == 0 {
		r.report.Coverage.Total++
		r.report.Idempotent = NotIdempotent
	}
}

// noteLater notes what later statements make, so that a view which is dropped and made again is told from one that is
// gone.
func (r *reviewer) noteLater() {
	clear(r.state.Analyzed)
	for i, st := range r.script.Statements {
		if st.Kind == "ANALYZE" || st.Kind == "VACUUM" {
			r.state.NoteAnalyze(r.script.Node(i).GetVacuumStmt())
		}
		if !strings.HasPrefix(st.Kind, "CREATE") {
			continue
		}
		switch n := r.script.Node(i); {
		case n.GetViewStmt() != nil:
			r.state.Later[n.GetViewStmt().GetView().GetRelname()] = true
		case n.GetCreateTableAsStmt() != nil:
			r.state.Later[n.GetCreateTableAsStmt().GetInto().GetRel().GetRelname()] = true
		case n.GetCreateFunctionStmt() != nil:
			r.state.Later[syntax.LastName(n.GetCreateFunctionStmt().GetFuncname())] = true
		}
	}
}

// unitsOf gives the unit of each statement. A file that is refused has no units; its BEGIN and COMMIT still say what
// shares a transaction.
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
	r.execute(schema.Statement{
		Node: r.script.Node(i), Index: i, SQL: st.SQL, Kind: st.Kind, Base: r.script.Base(i), Exact: true,
		Start: st.Start, Unit: unit,
		Alone: st.Transactional == sqltext.NoTransaction, Probed: st.Probe != nil,
		Refused: r.inBlock(st.Start),
	}, 0)
	if !r.failed {
		r.report.Coverage.Reviewed++
	}
}

// execute reviews one statement as it is executed, then what it executes itself.
func (r *reviewer) execute(l schema.Statement, depth int) {
	if depth > 0 {
		r.executed++
	}
	if r.executed > maxExecuted || depth > maxBodyDepth {
		r.unreadable(l, rules.Fixed(rules.Unreviewable), "the script executes more statements, or deeper ones, than "+
			"are followed")
		return
	}
	p := rules.Check(&l, r.state, r.policy, r.analyzers)
	r.take(p)
	if p.Claims.Fails == "" {
		r.state.Apply(l, p.Claims.Locks)
	}
	r.inside(l, depth)
}

// inBlock says whether the file was refused because of the statement that stands there.
func (r *reviewer) inBlock(offset int) bool {
	return slices.ContainsFunc(r.script.Problems, func(p *sqltext.SyntaxError) bool {
		return p.Code == sqltext.CodeInBlock && p.Offset == offset
	})
}

// take adds what a pass found to the report.
func (r *reviewer) take(p *rules.Pass) {
	for _, f := range p.Diagnostics {
		r.add(f, p.SQL)
	}
	line, _ := r.script.Position(p.Start)
	r.report.Compatibility = report.Worse(r.report.Compatibility, p.Compatibility)
	r.show(StatementReport{
		File: r.name, Line: line, Statement: p.Index, Kind: p.Kind, Unit: p.Unit, Guarded: p.Doubt,
		Compatibility: p.Compatibility, Claims: p.Claims.Complete(),
	})
	r.rerun(p)
}

func (r *reviewer) rerun(p *rules.Pass) {
	switch {
	case p.Repeatable || p.Guarded || p.Claims.Fails != "":
		return
	case !r.policy.Unrecorded && (!p.Alone || p.Probed):
		if r.report.Idempotent == Guarded {
			r.report.Idempotent = Atomic
		}
		return
	}
	r.report.Idempotent = NotIdempotent
	r.note(rules.Fixed(rules.NotIdempotent), p.Start, p.Kind+" cannot run twice, is in no transaction, and leaves "+
		"nothing to ask the catalog about", p.SQL)
}

// unreadable reports that a statement could not be read to its end.
func (r *reviewer) unreadable(l schema.Statement, rule Rule, message string) {
	r.failed, r.state.Uncertain = true, true
	r.report.Compatibility = report.Worse(r.report.Compatibility, Unknown)
	r.note(rule, l.Start, message, l.SQL)
	line, _ := r.script.Position(l.Start)
	r.show(StatementReport{File: r.name, Line: line, Statement: l.Index, Kind: l.Kind, Unit: l.Unit, Guarded: true,
		Compatibility: Unknown, Claims: Claims{MayLock: []string{"*"}}.Complete()})
}

// show lists a statement with its claims, up to a limit.
func (r *reviewer) show(s StatementReport) {
	if len(r.report.Statements)-r.shown >= maxShown {
		r.report.Unlisted++
		return
	}
	r.report.Statements = append(r.report.Statements, s)
}

// note adds a finding that rests on the text alone.
func (r *reviewer) note(rule Rule, offset int, message, sql string) {
	r.add(rules.Diagnostic{Rule: rule, Severity: rule.Severity, Offset: offset, Message: message, Evidence: "text"},
		sql)
}

func (r *reviewer) add(f rules.Diagnostic, sql string) {
	plain := f.Severity
	severity, shown := r.policy.Weigh(f.Rule, f.Severity)
	if !shown {
		r.report.Silenced++
		return
	}
	f.Severity = severity
	if len(r.report.Findings)-r.first >= maxFindings {
		r.report.LeftOut++
		r.report.Raise(f.Severity)
		return
	}
	line, column := r.script.Position(f.Offset)
	print := fingerprint(f.Rule.ID, strings.Join(strings.Fields(sql), " "), f.Message)
	if n := r.seen[print]; n > 0 {
		print = fmt.Sprintf("%s-%d", print, n+1)
	}
	r.seen[strings.SplitN(print, "-", 2)[0]]++
	r.report.Findings = append(r.report.Findings, Finding{
		Rule: f.Rule.ID, Severity: f.Severity, File: r.name, Line: line, Column: column,
		Message: f.Message, Why: f.Rule.Why, Do: r.advice(f.Rule), Evidence: f.Evidence, Fingerprint: print,
		Statement: r.statement, Sha256: r.script.SHA256,
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
