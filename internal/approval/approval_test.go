package approval

import (
	"context"
	"strings"
	"testing"

	"fairlead/internal/decide"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/release"
)

// person answers what it was made to answer and remembers the question.
type person struct {
	answer decide.Answer
	err    error
	asked  decide.Question
}

func (p *person) Decide(_ context.Context, q decide.Question) (decide.Answer, error) {
	p.asked = q
	return p.answer, p.err
}

func request() Request {
	return Request{Terms: engine.Terms{Action: engine.Deploy, App: "shop", Environment: "production", Tag: "v1.8.0",
		Migration: &release.Migration{}},
		Fingerprint: strings.Repeat("ab", 32), Again: "fairlead deploy v1.8.0"}
}

func none(p *person) Policy { return None{Reason: "two-person team", Decider: p} }

func TestNone_asks_for_the_tag_and_records_that_nobody_approved(t *testing.T) {
	p := &person{answer: decide.Answer{Yes: true, By: "ana", How: "typed at a terminal"}}
	got, err := none(p).Approve(context.Background(), request())
	if err != nil {
		t.Fatal(err)
	}
	want := engine.Approval{By: "nobody (two-person team)", How: "typed at a terminal by ana",
		Reason: "two-person team"}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if p.asked.Word != "v1.8.0" ||
		p.asked.Text != "Deploy v1.8.0 of shop in production, with a migration (plan abababababab)?" {
		t.Errorf("asked %+v", p.asked)
	}
}

func TestNone_says_in_the_question_that_a_rollback_leaves_the_schema(t *testing.T) {
	p := &person{answer: decide.Answer{Yes: true, How: "--yes"}}
	r := request()
	r.Terms.Action = engine.Rollback
	if got, err := none(p).Approve(context.Background(), r); err != nil || len(got) != 1 || got[0].How != "--yes" {
		t.Errorf("got %+v, %v", got, err)
	}
	if !strings.Contains(p.asked.Text, "the schema stays as it is") {
		t.Errorf("asked %q", p.asked.Text)
	}
}

func TestNone_records_why_the_operator_did_it(t *testing.T) {
	r := request()
	r.Reason = "the customer waits"
	got, err := none(&person{answer: decide.Answer{Yes: true, How: "--yes"}}).Approve(t.Context(), r)
	if err != nil || len(got) != 1 || got[0].Reason != "the customer waits" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestNone_ends_in_a_fault_without_a_yes(t *testing.T) {
	for what, c := range map[string]struct {
		person  person
		code    fault.Code
		outcome fault.Outcome
	}{
		"no":     {person{answer: decide.Answer{By: "ana"}}, "approval-declined", fault.Refused},
		"nobody": {person{err: decide.ErrNobody}, "approval-waiting", fault.Waiting},
	} {
		_, err := none(&c.person).Approve(context.Background(), request())
		f, ok := fault.Find(err)
		if !ok || f.Code != c.code || f.Outcome != c.outcome || !strings.Contains(f.Text(), "fairlead deploy v1.8.0") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
