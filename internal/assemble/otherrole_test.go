package assemble

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres"
)

type planned struct {
	facts database.Facts
	err   error
}

func (p planned) Preflight(context.Context) (database.Facts, error) { return p.facts, p.err }

func TestBoth_roles_must_be_at_the_same_database(t *testing.T) {
	here := database.Facts{System: "1", Timeline: 1, Database: "shop", Role: "deployer", Problems: []string{"mine"},
		Notes: []string{"n"}}
	for name, c := range map[string]struct {
		change func(*database.Facts)
		says   string
	}{
		"the same": {func(*database.Facts) {}, ""},
		"another server": {func(f *database.Facts) { f.System = "2" },
			"database shop of server 2 (timeline 1), but shop of 1"},
		"another database": {func(f *database.Facts) { f.Database = "copy" }, "database copy of server 1"},
		"another timeline": {func(f *database.Facts) { f.Timeline = 2 }, "(timeline 2), but"},
		"a right that lacks": {func(f *database.Facts) { f.Problems = []string{"may not read"} },
			"backup.url: may not read"},
	} {
		there := database.Facts{System: "1", Timeline: 1, Database: "shop", Role: "dumper", Dumper: "17.1"}
		c.change(&there)
		f, err := both{planned{facts: here}, planned{facts: there}}.Preflight(t.Context())
		if err != nil || f.Role != "deployer" || f.Dumper != "17.1" || f.Problems[0] != "mine" {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
		if told := slices.ContainsFunc(f.Problems, func(p string) bool {
			return c.says != "" &&
				strings.Contains(p, c.says)
		}); told != (c.says != "") || c.says == "" && len(f.Problems) > 1 {
			t.Errorf("%s: %q", name, f.Problems)
		}
	}
	away := errors.New("away")
	if _, err := (both{planned{facts: here}, planned{err: away}}).Preflight(t.Context()); !errors.Is(err, away) ||
		!strings.HasPrefix(err.Error(), "backup.url: ") {
		t.Errorf("%v", err)
	}
}

func TestOpenRoles_are_two_only_where_two_are_named(t *testing.T) {
	c := postgres.Config{URL: config.NewSecret("postgres://deployer:one@h/shop")}
	for name, b := range map[string]config.Backup{"one": {},
		"a URL": {URL: config.NewSecret("postgres://dumper:two@h/shop")}, "a role": {Role: "dumper"}} {
		all, d, err := openRoles(c, postgres.Session{}, b)
		if err != nil || d == nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, two := all.(otherRole); two != (name != "one") {
			t.Errorf("%s: %T", name, all)
		}
	}
	_, _, err := openRoles(c, postgres.Session{}, config.Backup{URL: config.NewSecret("postgres://dumper:hunter2@/")})
	if err == nil || !strings.HasPrefix(err.Error(), "backup.url cannot be used") ||
		strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}
