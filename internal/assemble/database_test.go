package assemble

import (
	"slices"
	"strings"
	"testing"

	"fairlead/internal/config"
	"fairlead/internal/database/postgres"
	"fairlead/internal/sqltext"
)

func TestSandbox_refuses_what_could_reach_outside_by_where_it_is(t *testing.T) {
	d, err := postgres.Open(postgres.Config{URL: config.NewSecret("postgres://u@h/d")}, postgres.Session{})
	if err != nil {
		t.Fatal(err)
	}
	for claim, c := range map[string]struct {
		server, sql string
		says        []string
	}{
		"a program": {"local", "COPY a TO PROGRAM 'x'", []string{"line 1: COPY with PROGRAM"}},
		"a role, on a shared server": {"production", "SELECT 1;\nCREATE ROLE r",
			[]string{"line 2: roles belong to the whole server"}},
		"a role, on its own": {"local", "CREATE ROLE r", nil},
	} {
		s := sandbox{d.Rehearser(postgres.RehearseConfig{Server: config.NewSecret(c.server)})}
		script, err := sqltext.Parse([]byte(c.sql))
		if err != nil {
			t.Fatal(err)
		}
		got := s.Outside(script)
		if len(got) != len(c.says) || !slices.EqualFunc(got, c.says, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", claim, got, c.says)
		}
	}
}

func TestScratchKind_does_not_hold_the_URL(t *testing.T) {
	for server, want := range map[string]string{"local": "local", "production": "production",
		"postgres://u:old@h/d": "url"} {
		if got := scratchKind(config.Rehearse{Server: config.NewSecret(server)}); got != want {
			t.Errorf("%s: %s, want %s", server, got, want)
		}
	}
}
