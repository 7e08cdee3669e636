//go:build postgres

package preflight

import (
	"testing"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

func opened(t *testing.T, url string, change ...func(*server.Config)) *Checker {
	t.Helper()
	return New(servertest.Open(t, url, change...))
}
