//go:build real

package dir

import (
	"testing"

	"fairlead/internal/backup/backuptest"
)

func TestMemory_is_flat_while_a_large_object_passes(t *testing.T) {
	backuptest.Flat(t, opened(t), 256, 64)
}
