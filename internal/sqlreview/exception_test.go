package sqlreview

import (
	"strings"
	"testing"
)

func reviewed(sql string, waivers ...Waiver) Report {
	return Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(sql)}}, Catalog: baseCatalog(), Waivers: waivers,
		Now: day("2026-11-24")})
}

func TestException_speaks_for_one_rule_in_the_next_statement(t *testing.T) {
	const allow = `-- fairlead:allow drop-table reason="unused since 41, ticket 123" until=2026-11-24` + "\n"
	for name, c := range map[string]struct {
		sql     string
		verdict Verdict
		rules   string
	}{
		"before the statement": {allow + "DROP TABLE orders;", Pass, "block:drop-table"},
		"on its last day":      {allow + "DROP TABLE orders;", Pass, "block:drop-table"},
		"not for the statement after": {allow + "DROP TABLE orders; DROP TABLE customers;", Block,
			"block:drop-table block:drop-table"},
		"not for another rule": {allow + "TRUNCATE orders;", Block, "block:truncate warn:unused-exception"},
		"two, for one statement": {allow + strings.Replace(allow, "drop-table", "drop-view", 1) +
			"DROP TABLE orders;", Warn, "block:drop-table warn:unused-exception"},
		"before BEGIN":               {allow + "BEGIN; DROP TABLE orders; COMMIT;", Pass, "block:drop-table"},
		"for a statement in a block": {allow + "DO $$ BEGIN DROP TABLE orders; END $$;", Pass, "block:drop-table"},
		"after the statement": {"DROP TABLE orders;\n" + allow, Block,
			"block:drop-table block:bad-exception"},
		"inside the statement": {"DROP TABLE\n" + allow + "orders;", Block,
			"block:drop-table block:bad-exception"},
		"with trailing words": {strings.Replace(allow, "\n", " and more\n", 1) + "DROP TABLE orders;",
			Block, "block:drop-table block:bad-exception"},
		"with an unknown rule": {strings.Replace(allow, "drop-table", "drop-tables", 1) +
			"DROP TABLE orders;", Block, "block:drop-table block:bad-exception"},
		"without a rule": {strings.Replace(allow, "drop-table ", "", 1) + "DROP TABLE orders;", Block,
			"block:drop-table block:bad-exception"},
		"with a short reason": {strings.Replace(allow, "unused since 41, ticket 123", "unused", 1) +
			"DROP TABLE orders;", Block, "block:drop-table block:bad-exception"},
		"with blanks for a reason": {strings.Replace(allow, "unused since 41, ticket 123",
			"                    ", 1) + "DROP TABLE orders;", Block, "block:drop-table block:bad-exception"},
		"without a day": {strings.Replace(allow, " until=2026-11-24", "", 1) + "DROP TABLE orders;",
			Block, "block:drop-table block:bad-exception"},
		"with a day that is none": {strings.Replace(allow, "2026-11-24", "2027-02-30", 1) +
			"DROP TABLE orders;", Block, "block:drop-table block:bad-exception"},
		"that has expired": {strings.Replace(allow, "2026-11-24", "2026-11-23", 1) +
			"DROP TABLE orders;", Block, "block:drop-table block:bad-exception"},
		"in a block comment": {"/* fairlead:allow drop-table reason=\"unused since 41, ticket\" " +
			"until=2027-01-01 */ DROP TABLE orders;", Block, "block:drop-table block:bad-exception"},
		"for a whole file": {"-- fairlead:ignore-file\nDROP TABLE orders;", Block,
			"block:drop-table block:bad-exception"},
		"in a string": {"SELECT '\n" + allow + "'; DROP TABLE orders;", Block, "block:drop-table"},
		"in the data of a COPY": {"COPY audit_log FROM stdin;\n" + allow + "\\.\nDROP TABLE orders;", Block,
			"block:drop-table"},
		"for an exception": {strings.Replace(allow, "drop-table", "bad-exception", 1) +
			"DROP TABLE orders;", Block, "block:drop-table block:bad-exception"},
		"where the comment only mentions": {"-- see fairlead:allow in the manual\nSELECT 1;", Pass, ""},
	} {
		r := reviewed(c.sql)
		if r.Verdict != c.verdict || rulesOf(r) != c.rules {
			t.Errorf("%s: got %s (%s), want %s (%s)", name, r.Verdict, rulesOf(r), c.verdict, c.rules)
		}
	}
	if r := Review(Input{Files: []File{
		{Name: "m.sql", SQL: []byte(allow + "DROP TABLE orders;")}}}); r.Verdict != Block {
		t.Error("without a day of its own the review takes an exception for valid")
	}
	r := reviewed(allow + "DROP TABLE orders;")
	if w := r.Findings[0].Waived; w == nil || w.How != "exception" || w.Reason != "unused since 41, ticket 123" ||
		w.Until != "2026-11-24" {
		t.Errorf("the report says %+v", w)
	}
	if r.Compatibility != Incompatible {
		t.Error("an exception changed what is true: the running image still breaks")
	}
}

func TestWaiver_speaks_for_one_finding_in_one_text(t *testing.T) {
	const sql = "DROP TABLE orders; TRUNCATE customers;"
	r := reviewed(sql)
	w := Waiver{Fingerprint: r.Findings[0].Fingerprint, Rule: "drop-table", SHA256: r.Files[0].SHA256, File: "m.sql",
		By: "kim", Reason: "nobody reads it any more", Until: "2027-01-31"}
	both := w
	both.Fingerprint, both.Rule = r.Findings[1].Fingerprint, "truncate"
	with := func(change func(*Waiver)) Waiver { c := w; change(&c); return c }
	for name, c := range map[string]struct {
		waivers []Waiver
		verdict Verdict
		rules   string
	}{
		"one of two": {[]Waiver{w}, Block, "block:drop-table block:truncate"},
		"both":       {[]Waiver{w, both}, Pass, "block:drop-table block:truncate"},
		"of another text": {[]Waiver{both, with(func(w *Waiver) { w.SHA256 = strings.Repeat("0", 64) })}, Block,
			"block:drop-table block:truncate"},
		"that has expired": {[]Waiver{both, with(func(w *Waiver) { w.Until = "2026-11-23" })}, Block,
			"block:drop-table block:truncate block:bad-exception"},
		"of another rule": {[]Waiver{both, with(func(w *Waiver) { w.Rule = "drop-view" })}, Block,
			"block:drop-table block:truncate block:bad-exception"},
		"of an unknown rule": {[]Waiver{both, with(func(w *Waiver) { w.Rule = "x" })}, Block,
			"block:drop-table block:truncate block:bad-exception"},
		"of an unknown finding": {[]Waiver{both, with(func(w *Waiver) { w.Fingerprint = "0" })}, Block,
			"block:drop-table block:truncate block:bad-exception"},
		"by nobody": {[]Waiver{both, with(func(w *Waiver) { w.By = "" })}, Block,
			"block:drop-table block:truncate block:bad-exception"},
		"without a reason": {[]Waiver{both, with(func(w *Waiver) { w.Reason = "" })}, Block,
			"block:drop-table block:truncate block:bad-exception"},
		"with no day to be until": {[]Waiver{both, with(func(w *Waiver) { w.Until = "soon" })}, Block,
			"block:drop-table block:truncate block:bad-exception"},
	} {
		r := reviewed(sql, c.waivers...)
		if r.Verdict != c.verdict || rulesOf(r) != c.rules {
			t.Errorf("%s: got %s (%s), want %s (%s)", name, r.Verdict, rulesOf(r), c.verdict, c.rules)
		}
	}
	b, err := EncodeWaivers([]Waiver{w, both})
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeWaivers(b)
	if err != nil || len(back) != 2 || back[0] != w {
		t.Errorf("read back: %+v, %v", back, err)
	}
	for _, bad := range []string{"", "{}", `{"schema":"fairlead.waivers/v1","waivers":[{"fingerprint":"x"}]}`,
		strings.Replace(string(b), "2027-01-31", "31.1.2027", 1)} {
		if _, err := DecodeWaivers([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a file of waivers", bad)
		}
	}
}
