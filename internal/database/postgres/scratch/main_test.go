//go:build postgres

package scratch

import (
	"testing"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

func opened(t *testing.T, url string, change ...func(*server.Config)) *server.Server {
	t.Helper()
	return servertest.Open(t, url, change...)
}
