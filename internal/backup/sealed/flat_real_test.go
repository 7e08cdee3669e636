//go:build real

package sealed

import (
	"testing"

	"fairlead/internal/backup/backuptest"
)

func TestMemory_is_flat_while_a_large_object_passes(t *testing.T) {
	public, _ := keypair(t)
	for _, compress := range []bool{false, true} {
		backuptest.Flat(t, over(t, t.TempDir(), Config{Recipients: []string{public}}, compress), 128, 64)
	}
}
