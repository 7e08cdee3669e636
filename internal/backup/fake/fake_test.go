package fake_test

import (
	"testing"

	"fairlead/internal/backup"
	"fairlead/internal/backup/backuptest"
	"fairlead/internal/backup/fake"
	"fairlead/internal/world"
)

func TestStore_passes_the_suite(t *testing.T) {
	backuptest.Exercise(t, func(*testing.T) backup.Store {
		w := world.New(1)
		return fake.New(w, w.Place("store"))
	})
}
