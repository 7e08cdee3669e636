//go:build postgres

package server_test

import (
	"testing"

	"fairlead/internal/database/postgres/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }
