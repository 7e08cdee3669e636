package engine

import "testing"

func TestResume_is_the_table_of_the_design(t *testing.T) {
	rows := []struct {
		claim   string
		verdict Verdict
		effect  Effect
		begun   bool
		want    Move
	}{
		{"a step the ledger does not know is probed", "", Once, false, LookThenAct},
		{"a step the ledger does not know is probed, also late", "", Repeatable, true, LookThenAct},
		{"health of yesterday is not health", Proven, ReadsAgain, true, ActAgain},
		{"health of yesterday is not health, also early", Proven, ReadsAgain, false, ActAgain},
		{"what was read once holds after production began to change", Proven, ReadsOnce, true, PassOver},
		{"a proven rollout holds", Proven, Repeatable, true, PassOver},
		{"a proven migration holds", Proven, Once, true, PassOver},
		{"a proven backup is proved again before anything changed", Proven, Repeatable, false, LookThenAct},
		{"an interrupted rollout is probed", Began, Repeatable, true, LookThenAct},
		{"an unclear rollout is probed", Unclear, Repeatable, true, LookThenAct},
		{"an interrupted look looks again", Began, ReadsAgain, true, LookThenAct},
		{"a migration that certainly failed may run again", Failed, Once, true, LookThenAct},
		{"an interrupted migration needs certainty", Began, Once, true, LookHard},
		{"an unclear migration needs certainty", Unclear, Once, true, LookHard},
	}
	for _, r := range rows {
		if got := Resume(r.verdict, r.effect, r.begun); got != r.want {
			t.Errorf("%s: got move %d, want %d", r.claim, got, r.want)
		}
	}
}
