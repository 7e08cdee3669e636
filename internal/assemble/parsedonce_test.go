package assemble

import (
	"testing"

	"fairlead/internal/config"
	"fairlead/internal/step"
)

func TestPlan_parses_a_migration_once_and_not_again_under_the_lock(t *testing.T) {
	p := rehearsingProject(t, config.Rehearse{Mode: "full", Server: config.NewSecret("local")})
	m := Migration{File: "m.sql", SQL: []byte("ALTER TABLE orders ADD COLUMN note text;")}
	script, err := p.parsed(m.File, m.SQL, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.rehearsable(m.File, script); err != nil {
		t.Fatal(err)
	}
	reviews := 0
	for range 2 { // when it is planned, and again under the lock
		for _, s := range p.planningAlone(m) {
			if r, is := s.(step.Review); is {
				reviews++
				if r.Script == nil || r.Script.Node(0) != script.Node(0) {
					t.Error("the reviewer is given another parse of the same bytes")
				}
			}
		}
	}
	if reviews != 2 || p.texts.Size() != 1 {
		t.Errorf("%d reviews, %d texts parsed; want 2 and 1", reviews, p.texts.Size())
	}
}
