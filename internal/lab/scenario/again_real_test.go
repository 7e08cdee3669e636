//go:build real

package scenario

import (
	"strings"
	"testing"
	"time"

	"fairlead/internal/lab"
)

func TestTwo_deployments_at_once_are_one_and_a_refusal_that_names_it(t *testing.T) {
	t.Parallel()
	s := newStage(t, 6*time.Minute, one("twice"))
	v1 := s.publish(lab.Release{Tag: "v1.0.0"})
	v2 := s.publish(lab.Release{Tag: "v1.1.0"})
	s.release("v1.0.0", v1, "", "api")
	s.release("v1.1.0", v2, "CREATE TABLE once (id bigint PRIMARY KEY);\n", "api")
	s.must(0, "deploy", "v1.0.0", "--yes")
	dir, env := s.elsewhere()
	a := s.start(s.Home, nil, "deploy", "v1.1.0", "--yes")
	b := s.start(dir, env, "deploy", "v1.1.0", "--yes")
	won, lost := a.wait(), b.wait()
	if won.Exit == 8 {
		won, lost = lost, won
	}
	if won.Exit != 0 || lost.Exit != 8 {
		t.Fatalf("want one exit 0 and one exit 8: %s\n%s", won, lost)
	}
	run := s.last()
	since := run.Opened.UTC().Format("2006-01-02 15:04:05 UTC")
	if !contains(lost.All, "held by "+run.Holder, "since "+since, string(run.Run), "fairlead status") {
		t.Errorf("it does not say who (%s), which run (%s), since when (%s): %s", run.Holder, run.Run, since, lost)
	}
	s.mustRun(v2, "api")
	if got := s.fairlead("history", "--json"); strings.Count(got.Out, `"tag":"v1.1.0"`) != 1 {
		t.Errorf("want one run of v1.1.0: %s", got)
	}
	t.Logf("%s", lost.All[strings.Index(lost.All, "what happened"):])
}

func TestDeploy_of_a_release_that_is_in_place_does_nothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, 6*time.Minute, one("idle"))
	v1 := s.publish(lab.Release{Tag: "v1.0.0"})
	s.release("v1.0.0", v1, "CREATE TABLE passes (release text);\n", "api")
	s.must(0, "deploy", "v1.0.0", "--yes")
	before := s.world()
	got := s.must(0, "deploy", "v1.0.0", "--yes")
	if !contains(got.Out, "nothing to do", "v1.0.0") {
		t.Errorf("it does not say so: %s", got)
	}
	if after := s.world(); after != before {
		t.Errorf("the world is not as before:\n%s\n%s", before, after)
	}
	t.Logf("%s after %s", strings.TrimSpace(got.Out), got.Took.Round(10*time.Millisecond))
}

func TestDeploy_after_a_rollback_does_not_apply_its_migration_again(t *testing.T) {
	t.Parallel()
	s := newStage(t, 6*time.Minute, one("again"))
	v1 := s.publish(lab.Release{Tag: "v1.0.0"})
	v2 := s.publish(lab.Release{Tag: "v1.1.0"})
	s.release("v1.0.0", v1, "CREATE TABLE passes (release text NOT NULL);\n", "api")
	s.release("v1.1.0", v2, "CREATE TABLE more (id bigint PRIMARY KEY);\n"+
		"INSERT INTO passes (release) VALUES ('v1.1.0');\n", "api")
	s.must(0, "deploy", "v1.0.0", "--yes")
	s.must(0, "deploy", "v1.1.0", "--yes")
	first := s.last()
	s.must(0, "rollback", "--yes")
	s.mustRun(v1, "api")
	again := s.must(0, "deploy", "v1.1.0", "--yes")
	second := s.last()
	s.mustRun(v2, "api")
	if n := s.value("SELECT count(*) FROM passes WHERE release = 'v1.1.0'"); n != "1" {
		t.Errorf("the migration was applied %s times", n)
	}
	said := "already applied by run " + string(first.Run)
	if !contains(again.All, said) {
		t.Errorf("it does not say %q: %s", said, again)
	}
	if record := s.must(0, "show", string(second.Run)); !contains(record.Out, said) {
		t.Errorf("the record does not say %q: %s", said, record)
	}
	if !first.Migrated || second.Migrated {
		t.Errorf("migrated: first %v, second %v; want true, false", first.Migrated, second.Migrated)
	}
}
