package fake_test

import (
	"testing"
	"time"

	"fairlead/internal/backup/backuptest"
	"fairlead/internal/backup/fake"
	"fairlead/internal/world"
)

func TestStore_passes_the_suite(t *testing.T) {
	backuptest.Exercise(t, func(*testing.T) backuptest.Fixture {
		w := world.New(1)
		at := w.Place("store")
		s := fake.New(w, at)
		return backuptest.Fixture{
			Single: true,
			Open:   func(*testing.T) backuptest.Store { return s },
			Cut: func(*testing.T) func() {
				at.Cut(time.Hour)
				return at.Heal
			},
			Fill: func(*testing.T) func() {
				at.Fill(time.Hour)
				return at.Heal
			},
		}
	})
}
