package fake_test

import (
	"testing"
	"time"

	"fairlead/internal/apply/applytest"
	"fairlead/internal/database/fake"
	"fairlead/internal/sqltext"
	"fairlead/internal/world"
)

const effect = "INSERT INTO log VALUES (1)"

func TestServer_passes_the_suite_of_apply(t *testing.T) {
	script, err := sqltext.Parse([]byte("CREATE INDEX CONCURRENTLY i ON log (a)"))
	if err != nil {
		t.Fatal(err)
	}
	applytest.Exercise(t, func(t *testing.T) applytest.Subject {
		w := world.New(1)
		s := fake.New(w, w.Place("database"))
		return applytest.Subject{Server: s, Recovery: s, Effect: effect, Refused: "SELECT 1/0",
			Alone:   script.Statements[0],
			Effects: func(*testing.T) int { return s.Applied(effect) },
			Break:   func(*testing.T) { s.Break("i") },
			Wait:    func(time.Duration) {},
			Again:   func(*testing.T) applytest.Again { return applytest.Again{Server: s, Recovery: s} }}
	})
}
