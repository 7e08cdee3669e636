//go:build postgres

package catalog

import (
	"testing"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

func opened(t *testing.T, url string, change ...func(*server.Config)) *Reader {
	t.Helper()
	return New(servertest.Open(t, url, change...))
}
