//go:build postgres

package postgres

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/fault"
)

func TestRaise_says_what_to_do_when_the_role_may_not_create_the_schema(t *testing.T) {
	url := servertest.Fresh(t)
	weak := servertest.Role(t, url)
	d := opened(t, weak)
	err := d.Raise(t.Context(), servertest.Number(1))
	f, ok := fault.Find(err)
	if !ok || f.Code != "database-rights" || !strings.Contains(f.Text(), "fairlead database setup --print") {
		t.Fatalf("raise gives %v, want a fault of code database-rights", err)
	}
	facts, err := d.Preflight(t.Context())
	if err != nil && !errors.Is(err, database.ErrVersion) || !strings.Contains(strings.Join(facts.Problems, "\n"),
		"may not create schema fairlead") {
		t.Errorf("the facts' problems are %q, error %v", facts.Problems, err)
	}
}

func TestDump_of_row_security_and_of_a_missing_right_is_refused_not_filtered(t *testing.T) {
	url := servertest.Filled(t)
	weak := servertest.Role(t, url)
	who := strings.TrimPrefix(strings.SplitN(weak, ":", 3)[1], "//")
	t.Cleanup(func() { servertest.Admin(t, url, "DROP OWNED BY "+who) })
	servertest.Admin(t, url, `GRANT USAGE ON SCHEMA public, "Odd schema" TO `+who,
		`GRANT SELECT ON ALL TABLES IN SCHEMA public, "Odd schema" TO `+who,
		`ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY`,
		`CREATE POLICY few ON public.orders USING (id < 10)`)
	d := opened(t, weak)
	if _, err := d.Dump(t.Context(), &bytes.Buffer{}); err == nil {
		t.Error("a dump that row security would filter passes")
	} else {
		t.Log(err)
	}
	facts, err := d.Preflight(t.Context())
	if err != nil || !strings.Contains(strings.Join(facts.Problems, "\n"), "row security hides rows of public.orders") {
		t.Errorf("the problems are %q, error %v", facts.Problems, err)
	}
}

func TestDump_says_what_it_waited_for(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE public.effect (n int)")
	weak := servertest.Role(t, url)
	_, err := opened(t, weak).Dump(t.Context(), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a role that may not read gives %v", err)
	}
	facts, err := opened(t, weak).Preflight(t.Context())
	if err != nil || !strings.Contains(strings.Join(facts.Problems, "\n"), "may not read public.effect") {
		t.Errorf("the facts' problems are %q, error %v", facts.Problems, err)
	}
}
