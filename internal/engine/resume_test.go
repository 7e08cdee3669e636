package engine

import "testing"

func TestResume_is_the_table_of_the_architecture(t *testing.T) {
	rows := []struct {
		claim   string
		verdict Verdict
		effect  Effect
		begun   bool
		want    Move
	}{
		{"a step the ledger does not know is probed", "", Once, false, ProbeThenAct},
		{"a step the ledger does not know is probed, also late", "", Repeatable, true, ProbeThenAct},
		{"health of yesterday is not health", Proven, ReadsAgain, true, ActAgain},
		{"health of yesterday is not health, also early", Proven, ReadsAgain, false, ActAgain},
		{"what was read once holds after production began to change", Proven, ReadsOnce, true, Skip},
		{"a proven rollout holds", Proven, Repeatable, true, Skip},
		{"a proven migration holds", Proven, Once, true, Skip},
		{"a proven backup is proved again before anything changed", Proven, Repeatable, false, ProbeThenAct},
		{"an interrupted rollout is probed", Began, Repeatable, true, ProbeThenAct},
		{"an unclear rollout is probed", Unclear, Repeatable, true, ProbeThenAct},
		{"an interrupted look looks again", Began, ReadsAgain, true, ProbeThenAct},
		{"a migration that certainly failed may run again", Failed, Once, true, ProbeThenAct},
		{"an interrupted migration needs certainty", Began, Once, true, RequireCertainty},
		{"an unclear migration needs certainty", Unclear, Once, true, RequireCertainty},
	}
	for _, r := range rows {
		if got := Resume(r.verdict, r.effect, r.begun); got != r.want {
			t.Errorf("%s: got move %d, want %d", r.claim, got, r.want)
		}
	}
}
