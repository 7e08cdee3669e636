//go:build postgres

package applier

import (
	"os"
	"testing"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

// TestMain also lets the test program be an operator.
func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		os.Exit(operate())
	}
	servertest.Main(m)
}

func opened(t *testing.T, url string, change ...func(*server.Config)) *Applier {
	t.Helper()
	return New(servertest.Open(t, url, change...))
}
