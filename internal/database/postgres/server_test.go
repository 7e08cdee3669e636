//go:build real

package postgres

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"fairlead/internal/agent/agenttest"
	"fairlead/internal/config"
	"fairlead/internal/database/postgrestest"
)

const testPassword = "s3cr:et\\pa-ss"

var server *postgrestest.Server // of TestMain

// TestMain also lets the test binary be the agent on a host.
func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		os.Exit(operate())
	}
	agenttest.Main(func() int { return withServer(m) })
}

func withServer(m *testing.M) int {
	s, err := startServer()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start PostgreSQL:", err)
		return 1
	}
	defer s.Stop()
	server = s
	return m.Run()
}

func startServer() (*postgrestest.Server, error) {
	return postgrestest.Start(postgrestest.Options{Password: testPassword, Settings: []string{"max_prepared_transactions=2"}})
}

// fresh makes a database for one test and gives its URL.
func fresh(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	admin(t, server.URL("owner", "postgres"), "CREATE DATABASE "+name)
	t.Cleanup(func() { admin(t, server.URL("owner", "postgres"), "DROP DATABASE "+name+" WITH (FORCE)") })
	return server.URL("owner", name)
}

// admin runs SQL beside the code under test.
func admin(t *testing.T, url string, statements ...string) {
	t.Helper()
	postgrestest.Exec(t, url, statements...)
}

func ask[T any](t *testing.T, url, sql string, args ...any) T {
	t.Helper()
	return postgrestest.Ask[T](t, url, sql, args...)
}

// opened gives a Database for a URL, as run r-one of shop in production.
func opened(t *testing.T, url string, change ...func(*Config)) *Database {
	t.Helper()
	c := Config{URL: config.NewSecret(url)}
	for _, f := range change {
		f(&c)
	}
	s := Session{App: "shop", Environment: "production", Run: "r-one"}
	if os.Getenv("FAIRLEAD_TEST_VIA") != "" && c.Via == "" {
		c.Via, s.Reach = ViaSSH, throughHost(t) // all tests of this package, by way of a host
	}
	if c.Via == ViaSSH && s.Reach == nil {
		s.Reach = throughHost(t)
	}
	d, err := Open(c, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func urlPassword(url string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres://owner:"), "@")
	return word
}

// openedOr gives what a first question says, whether Open or the connection fails.
func openedOr(t *testing.T, url string) (any, error) {
	t.Helper()
	d, err := Open(Config{URL: config.NewSecret(url)}, Session{Run: "r-one"})
	if err != nil {
		return nil, err
	}
	return d.Identity(context.Background())
}
