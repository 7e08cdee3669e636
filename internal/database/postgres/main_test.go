//go:build postgres

package postgres

import (
	"testing"

	"fairlead/internal/database/postgres/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

func opened(t *testing.T, url string, change ...func(*Config)) *Database {
	t.Helper()
	return over(servertest.Open(t, url, change...))
}
