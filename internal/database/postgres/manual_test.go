//go:build postgres

package postgres

import (
	"bytes"
	"net/url"
	"os"
	"strings"
	"testing"

	"fairlead/internal/config"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqltext"
)

// The grants of the manual are the least that is needed: each of them is tried, and then left out.
func TestManual_of_the_database_has_grants_that_are_enough_and_none_too_many(t *testing.T) {
	text, err := os.ReadFile("../../../docs/database.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```sql\n")
	block, _, _ = strings.Cut(block, "```")
	lines := strings.Split(strings.TrimSpace(block), "\n")
	if len(lines) != 7 {
		t.Fatalf("the block has %d lines", len(lines))
	}
	for leave := -1; leave < len(lines); leave++ {
		if leave >= 0 && !strings.HasPrefix(lines[leave], "GRANT") {
			continue
		}
		direct := servertest.Fresh(t)
		name := servertest.Ask[string](t, direct, "SELECT current_database()")
		servertest.Admin(t, direct, "CREATE ROLE shop_owner", "CREATE TABLE orders (id serial PRIMARY KEY)",
			"ALTER TABLE orders OWNER TO shop_owner",
			"GRANT USAGE, CREATE ON SCHEMA public TO shop_owner", "ALTER TABLE orders ENABLE ROW LEVEL SECURITY")
		for i, line := range lines {
			if i == leave {
				continue
			}
			line = strings.NewReplacer("'…'", "'"+servertest.Password+"'", "DATABASE shop ", "DATABASE "+name+
				" ").Replace(line)
			servertest.Admin(t, direct, line)
		}
		as := func(role string, c server.Config, duty server.Duty) *Database {
			u, err := url.Parse(direct)
			if err != nil {
				t.Fatal(err)
			}
			u.User = url.UserPassword(role, servertest.Password)
			c.URL = config.NewSecret(u.String())
			d, err := Open(c, server.Session{App: "shop", Environment: "production", Run: "r-one", Duty: duty})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		script, err := sqltext.Parse([]byte("ALTER TABLE orders ADD COLUMN note text; CREATE INDEX ON orders (note);"))
		if err != nil {
			t.Fatal(err)
		}
		migrates, dumps := as("deployer", server.Config{Role: "shop_owner"}, server.Migrating),
			as("dumper", server.Config{}, server.Dumping)
		one, err := migrates.Checking(script, nil).Preflight(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		two, err := dumps.Preflight(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		told := append(append(one.Problems, two.Problems...), unseen(one.Notes)...)
		switch {
		case leave < 0 && len(told) > 0:
			t.Errorf("with all grants: %q", told)
		case leave >= 0 && len(told) == 0:
			t.Errorf("nothing is missing without %q", lines[leave])
		}
		if leave < 0 {
			var archive bytes.Buffer
			dump, err := dumps.Dump(t.Context(), &archive)
			if err == nil {
				err = dumps.Verify(t.Context(), &archive, dump)
			}
			if err != nil {
				t.Errorf("dump: %v", err)
			}
			servertest.Applied(t, migrates, servertest.NewJob(script))
			if owner := servertest.Ask[string](t, direct, "SELECT tableowner::text FROM pg_tables WHERE schemaname "+
				"= 'fairlead' LIMIT 1"); owner != "shop_owner" {
				t.Errorf("the markers belong to %s", owner)
			}
		}
		servertest.Admin(t, direct, "DROP OWNED BY shop_owner, deployer, dumper CASCADE",
			"DROP ROLE shop_owner, deployer, dumper")
	}
}

// unseen are the notes of a role that does not see other sessions.
func unseen(notes []string) []string {
	var all []string
	for _, n := range notes {
		if strings.Contains(n, "does not see the sessions") {
			all = append(all, n)
		}
	}
	return all
}
