package engine

import (
	"encoding/json"
	"testing"
	"time"

	"fairlead/internal/chain"
	"fairlead/internal/fault"
)

func TestSummarize_folds_the_records_of_a_run(t *testing.T) {
	at := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	rec := func(minute int, run RunID, v Verdict, step Name, evidence any) Record {
		b, err := json.Marshal(evidence)
		if err != nil {
			t.Fatal(err)
		}
		return Record{Schema: RecordSchema, ID: "x", At: at.Add(time.Duration(minute) * time.Minute), Run: run,
			Verdict: v, Step: step, Evidence: b}
	}
	open := rec(0, "r-1", Opened, "", Opening{Terms: Terms{Action: Rollback, Tag: "v1"}, Holder: Holder{Name: "ana"},
		Approvals: Approvals{{By: "lea"}}})
	began := rec(1, "r-1", Began, "migrate", nil)
	taken := rec(2, "r-1", Taken, "", Takeover{Holder: Holder{Name: "ben"}})
	closed := rec(3, "r-1", Closed, "", Closing{Run: "r-1", Outcome: fault.Asking, Migrated: true, Means: "changed"})
	next := rec(4, "r-2", Opened, "",
		Opening{Closes: &Closing{Run: "r-1", Outcome: fault.RolledBack, Means: "old images"}})
	other := rec(4, "r-2", Opened, "", Opening{Closes: &Closing{Run: "r-0", Outcome: fault.RolledBack}})
	for name, c := range map[string]struct {
		records []Record
		want    Summary
	}{
		"an open run": {[]Record{open, began},
			Summary{Run: "r-1", Action: Rollback, Tag: "v1", Opened: at, Holder: "ana", Approved: "lea",
				Step: "migrate"}},
		"a run that was taken over and closed": {[]Record{open, began, taken, closed},
			Summary{Run: "r-1", Action: Rollback, Tag: "v1", Opened: at, Closed: closed.At, Outcome: fault.Asking,
				Holder:   "ben",
				Approved: "lea", Migrated: true, Step: "migrate", Means: "changed"}},
		"a run that its rollback closed": {[]Record{open, next},
			Summary{Run: "r-1", Action: Rollback, Tag: "v1", Opened: at, Closed: next.At, Outcome: fault.RolledBack,
				Holder:   "ana",
				Approved: "lea", Means: "old images"}},
		"a run whose follower closed another": {[]Record{open, other},
			Summary{Run: "r-1", Action: Rollback, Tag: "v1", Opened: at, Holder: "ana", Approved: "lea"}},
		"a release by hand": {
			[]Record{rec(0, "m-1", Manual, "",
				Closing{Run: "m-1", Outcome: fault.Deployed, Means: "by hand", By: Holder{Name: "ana"}})},
			Summary{Run: "m-1", Opened: at, Closed: at, Outcome: fault.Deployed, Holder: "ana", Means: "by hand"}},
	} {
		if got, err := Summarize(c.records); err != nil || got != c.want {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", name, got, err, c.want)
		}
	}
	for name, records := range map[string][]Record{
		"no records":                 nil,
		"a run without its opening":  {began},
		"an opening without content": {{Verdict: Opened, Run: "r-1"}},
	} {
		if s, err := Summarize(records); err == nil {
			t.Errorf("%s: %+v, want an error", name, s)
		}
	}
}

func TestReadSummaries_keeps_a_run_that_it_cannot_read(t *testing.T) {
	got := ReadSummaries([]chain.Entry{{Run: "r-2", Problem: "of a newer schema"},
		{Run: "r-1", Summary: json.RawMessage(`{"run":"r-1","tag":"v1"}`)}})
	if got[0].Run != "r-2" || got[0].Means == "" || got[1].Tag != "v1" {
		t.Errorf("%+v", got)
	}
}
