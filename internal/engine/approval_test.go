package engine

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestApprovals_of_one_are_written_as_they_always_were_and_several_as_a_list(t *testing.T) {
	for text, want := range map[string]Approvals{
		`{"by":"","how":""}`: nil,
		`{"by":"nobody (two of us)","how":"--yes","reason":"two of us"}`: {
			{By: "nobody (two of us)", How: "--yes", Reason: "two of us"}},
		`[{"by":"lea","how":"signed","proof":"SSHSIG"},{"by":"ana","how":"typed at a terminal"}]`: {{By: "lea",
			How: "signed", Proof: "SSHSIG"}, {By: "ana", How: "typed at a terminal"}},
	} {
		var got Approvals
		if err := json.Unmarshal([]byte(text), &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is read as %v (%v)", text, got, err)
		}
		if b, err := json.Marshal(want); err != nil || string(b) != text {
			t.Errorf("%v is written as %s (%v), want %s", want, b, err, text)
		}
	}
}
