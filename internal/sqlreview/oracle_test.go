package sqlreview

import (
	"os"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/sqlreview/report"
)

// observation is what a PostgreSQL 15 server did with one case.
type observation struct {
	file, firstRun string
	rewritten      []string
	locks          []string // orders=AccessExclusive
}

func observations(t *testing.T) []observation {
	t.Helper()
	b, err := os.ReadFile("testdata/cases/cases.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out []observation
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 9 {
			t.Fatalf("cases.tsv: %q", line)
		}
		o := observation{file: f[0], firstRun: f[4]}
		tables := map[string]bool{"orders": true, "customers": true, "customer_totals": true}
		for _, r := range strings.Split(f[6], ",") {
			if tables[r] {
				o.rewritten = append(o.rewritten, r)
			}
		}
		slices.Sort(o.rewritten)
		for _, l := range strings.Split(f[8], "; ") {
			if l != "-" {
				o.locks = append(o.locks, l)
			}
		}
		slices.Sort(o.locks)
		out = append(out, o)
	}
	return out
}

// strongest gives the claimed locks in the form of cases.tsv: the strongest of each relation that stops somebody.
func strongest(r Report) []string {
	order := []string{report.RowExclusive, report.ShareUpdateExclusive, report.Share, report.ShareRowExclusive,
		report.Exclusive, report.AccessExclusive}
	mode := map[string]int{}
	for _, s := range r.Statements {
		for _, l := range s.Claims.Locks {
			mode[l.Relation] = max(mode[l.Relation], slices.Index(order, l.Mode))
		}
	}
	var out []string
	for relation, m := range mode {
		words := strings.Split(strings.ToLower(order[m]), " ")
		for i, w := range words {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
		out = append(out, relation+"="+strings.Join(words, ""))
	}
	slices.Sort(out)
	return out
}

// The rest is explained: the swapped table of 024 is another table under the old name, and the server's locks were
// looked at before COMMIT, so those of dropped relations and of statements outside a transaction were not seen.
func TestClaims_agree_with_what_the_server_did(t *testing.T) {
	rewrites, locks, fails, total := 0, 0, 0, 0
	for _, o := range observations(t) {
		r := reviewCase(t, o.file, baseCatalog())
		total++
		var claimed []string
		failed := false
		for _, s := range r.Statements {
			claimed = append(claimed, s.Claims.Rewrites...)
			failed = failed || s.Claims.Fails != ""
		}
		failed = failed || strings.Contains(rulesOf(r), "concurrently-in-tx")
		if got := slices.Compact(slices.Sorted(slices.Values(claimed))); slices.Equal(got, o.rewritten) {
			rewrites++
		} else {
			t.Logf("%s rewrites: claimed %v, seen %v", o.file, got, o.rewritten)
		}
		if got := strongest(r); slices.Equal(got, o.locks) {
			locks++
		} else {
			t.Logf("%s locks: claimed %v, seen %v", o.file, got, o.locks)
		}
		if failed == (o.firstRun != "ok") {
			fails++
		} else {
			t.Errorf("%s fails: claimed %v, seen %q", o.file, failed, o.firstRun)
		}
	}
	t.Logf("of %d cases agree: rewrites %d, strongest locks %d, failure %d", total, rewrites, locks, fails)
	if rewrites < 59 || locks < 43 {
		t.Error("fewer claims agree than before")
	}
}
