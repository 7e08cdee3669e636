package sqlreview

import (
	"bytes"
	"strings"
	"testing"

	"fairlead/internal/sqlreview/report"
)

func TestPolicy_decides_which_tables_are_small(t *testing.T) {
	index := func(rows, bytes int64, p Policy) string {
		c := baseCatalog()
		for i := range c.Tables {
			if c.Tables[i].Name == "orders" {
				c.Tables[i].Rows, c.Tables[i].Bytes = rows, bytes
			}
		}
		return rulesOf(Review(Input{Files: []File{{Name: "m.sql", SQL: []byte("CREATE INDEX ON orders(total);")}},
			Catalog: c, Policy: p}))
	}
	const small, big = "info:index-not-concurrent", "block:index-not-concurrent"
	for _, x := range []struct {
		name        string
		rows, bytes int64
		policy      Policy
		want        string
	}{
		{"fewer than 100,000 rows", 99_999, 0, Policy{}, small},
		{"100,000 rows", 100_000, 0, Policy{}, big},
		{"rows that nobody knows", -1, 0, Policy{}, big},
		{"few rows of a quarter of a gigabyte", 10, 256 << 20, Policy{}, big},
		{"fewer rows than the team's limit", 999_999, 0, Policy{SmallRows: 1_000_000}, small},
		{"no table is small", 0, 0, Policy{SmallRows: -1}, big},
		{"more bytes than the team's limit", 10, 2 << 20, Policy{SmallBytes: 1 << 20}, big},
		{"assumed rows go before sizes", 10, 1 << 40, Policy{AssumeRows: 10}, small},
	} {
		if got := index(x.rows, x.bytes, x.policy); got != x.want {
			t.Errorf("%s: got %s, want %s", x.name, got, x.want)
		}
	}
}

func TestPolicy_gives_rules_another_severity(t *testing.T) {
	const index, drop = "CREATE INDEX ON orders(total);", "DROP INDEX orders_state_idx;"
	for _, x := range []struct {
		name, sql string
		rule      string
		level     Level
		verdict   Verdict
		want      string
		silenced  int
	}{
		{"a lock rule warns", index, "index-not-concurrent", LevelWarn, Warn, "warn:index-not-concurrent", 0},
		{"a lock rule is switched off", index, "index-not-concurrent", LevelOff, Pass, "", 1},
		{"a rule of behaviour blocks", drop, "drop-index", LevelBlock, Block, "block:drop-index", 0},
		{"a rule of behaviour informs", drop, "drop-index", LevelInfo, Pass, "info:drop-index", 0},
		{"another rule is left alone", drop, "index-not-concurrent", LevelOff, Warn, "warn:drop-index", 0},
		{"lost data is not made less of", "DROP TABLE orders;", "drop-table", LevelOff, Block, "block:drop-table", 0},
		{"the running image is not made less of", "ALTER TABLE orders RENAME total TO sum;", "rename-column", LevelWarn,
			Block, "block:rename-column", 0},
		{"a statement that fails is not made less of", "ALTER TABLE orders ADD c int NOT NULL;", "add-required-column",
			LevelInfo, Block, "block:add-required-column", 0},
		{"what cannot be read is not made less of", "CALL nobody_knows();", "unreviewable", LevelOff, Block,
			"block:unreviewable", 0},
		{"a rule about the running image is raised", "ALTER TABLE orders ALTER placed_at DROP DEFAULT;", "drop-default",
			LevelBlock, Block, "block:drop-default", 0},
		{"an exception for a rule that is off is no mistake",
			`-- fairlead:allow index-not-concurrent reason="a reason that is long" until=2099-01-01` + "\n" + index,
			"index-not-concurrent", LevelOff, Pass, "", 1},
	} {
		r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(x.sql)}}, Catalog: baseCatalog(),
			Now:    day("2026-11-24"),
			Policy: Policy{AssumeRows: 1e7, Rules: map[string]Level{x.rule: x.level}}})
		if rulesOf(r) != x.want || r.Verdict != x.verdict || r.Silenced != x.silenced {
			t.Errorf("%s: got %s, %s, %d silenced; want %s, %s, %d", x.name, rulesOf(r), r.Verdict, r.Silenced, x.want,
				x.verdict, x.silenced)
		}
	}
}

func TestPolicy_keeps_small_tables_at_info_when_a_lock_rule_is_given_a_level(t *testing.T) {
	r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte("CREATE INDEX ON orders(total);")}},
		Catalog: baseCatalog(), Policy: Policy{Rules: map[string]Level{"index-not-concurrent": LevelBlock}}})
	if rulesOf(r) != "info:index-not-concurrent" {
		t.Error(rulesOf(r))
	}
}

func TestPolicy_is_told_in_the_report(t *testing.T) {
	r := Review(Input{Files: []File{
		{Name: "m.sql", SQL: []byte("CREATE INDEX ON orders(total); DROP INDEX orders_state_idx;")}},
		Catalog: baseCatalog(),
		Policy: Policy{AssumeRows: 1e7, Rules: map[string]Level{"index-not-concurrent": LevelWarn,
			"drop-index": LevelOff}}})
	var text, note bytes.Buffer
	_, _ = Text(&text, r, nil), Markdown(&note, r, nil)
	for _, want := range []string{"it would be block without review.rules", "1 of rules that are switched off"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	if !strings.Contains(note.String(), "it would be block without review.rules") {
		t.Errorf("the note lacks it:\n%s", note.String())
	}
}

func TestCheckLevel_says_what_is_allowed(t *testing.T) {
	for _, r := range Rules() {
		lowers := r.Family == FamilyLock || r.Family == FamilyBehaviour
		for _, l := range []Level{LevelOff, LevelInfo, LevelWarn} {
			if err := CheckLevel(r.ID, l); (err == nil) != lowers {
				t.Errorf("%s, %s: %v", r.ID, l, err)
			}
		}
		if err := CheckLevel(r.ID, LevelBlock); err != nil {
			t.Error(err)
		}
	}
	for rule, l := range map[string]Level{"nothing": LevelOff, "drop-index": "mild"} {
		if CheckLevel(rule, l) == nil {
			t.Errorf("%s, %s is allowed", rule, l)
		}
	}
}

// tried reviews a script and adds what a server is said to have done with its statements.
func tried(sql string, p Policy, same bool, did ...Observed) Report {
	r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(sql)}}, Catalog: baseCatalog(), Policy: p})
	return WithTrace(r, "m.sql", Trace{Statements: did, SameShape: same})
}

func TestWithTrace_lowers_a_lock_that_a_trial_disproves_where_the_policy_says_so(t *testing.T) {
	const volatile = "ALTER TABLE orders ADD c int DEFAULT nobody_knows();"
	locked := Claims{Locks: []Lock{{Relation: "orders", Mode: report.AccessExclusive}}}
	quiet := Observed{Kind: "ALTER TABLE", Claims: locked}
	rewrote := quiet
	rewrote.Claims.Rewrites = []string{"orders"}
	blind := quiet
	blind.Blind = true
	failed := quiet
	failed.Claims.Fails = "no"
	lowers := Policy{AssumeRows: 1e7, TraceLowers: true}
	for _, x := range []struct {
		name, sql string
		policy    Policy
		same      bool
		did       Observed
		want      Severity
		disproved bool
	}{
		{"a rewrite that did not happen, on a copy of this shape", volatile, lowers, true, quiet, SeverityWarn, true},
		{"a policy that does not lower", volatile, Policy{AssumeRows: 1e7}, true, quiet, SeverityBlock, true},
		{"a copy of another shape", volatile, lowers, false, quiet, SeverityBlock, true},
		{"a rewrite that did happen", volatile, lowers, true, rewrote, SeverityBlock, false},
		{"a statement whose scans were not seen", volatile, lowers, true, blind, SeverityBlock, false},
		{"a statement that failed", volatile, lowers, true, failed, SeverityBlock, false},
		{"lost data", "ALTER TABLE orders DROP COLUMN total;", lowers, true, quiet, SeverityBlock, false},
		{"a lock that is asked for", "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE;", lowers, true,
			Observed{Kind: "LOCK", Claims: locked}, SeverityBlock, false},
		{"rows that are written", "UPDATE orders SET total = 1;", lowers, true,
			Observed{Kind: "UPDATE", Claims: Claims{Locks: []Lock{{Relation: "orders", Mode: report.RowExclusive}}}},
			SeverityBlock, false},
		{"a body that may have been passed over", "DO $$ BEGIN IF (SELECT false) THEN " + volatile + " END IF; END $$",
			lowers, true, Observed{Kind: "DO"}, SeverityBlock, false},
	} {
		r := tried(x.sql, x.policy, x.same, x.did)
		if f := r.Findings[0]; f.Severity != x.want || f.Disproved != x.disproved {
			t.Errorf("%s: got %s, disproved %v: %+v", x.name, f.Severity, f.Disproved, f)
		}
		if (r.Verdict == Block) != (x.want == SeverityBlock) {
			t.Errorf("%s: the verdict is %s", x.name, r.Verdict)
		}
	}
}

func TestWithTrace_lowers_nothing_beside_another_block(t *testing.T) {
	r := tried("ALTER TABLE orders ADD c int DEFAULT nobody_knows(); DROP TABLE customers;",
		Policy{AssumeRows: 1e7, TraceLowers: true}, true,
		Observed{Kind: "ALTER TABLE"}, Observed{Statement: 1, Kind: "DROP TABLE"})
	if r.Verdict != Block || !strings.HasPrefix(rulesOf(r), "warn:volatile-default block:drop-table") {
		t.Errorf("%s, %s", r.Verdict, rulesOf(r))
	}
}

func TestSameShape_is_about_everything_but_sizes(t *testing.T) {
	a, b := baseCatalog(), baseCatalog()
	b.Tables[0].Rows, b.Tables[0].Bytes, b.ServerVersion = 12345, 999, 150019
	b.Names = &Names{Roles: []string{"somebody"}}
	if !SameShape(a, b) {
		t.Error("sizes, minor versions and roles are no part of the shape")
	}
	if a.Tables[0].Rows == 0 {
		t.Error("the catalog was changed")
	}
	b.Tables[0].Columns = b.Tables[0].Columns[1:]
	if SameShape(a, b) || SameShape(nil, a) || SameShape(nil, nil) {
		t.Error("a column more, or no catalog, is another shape")
	}
}
