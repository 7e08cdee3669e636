package database

import (
	"strings"
	"testing"
)

func TestImprint_differs_in_schema_rows_and_server_and_lists_entries(t *testing.T) {
	was := Imprint{System: "1", Catalog: map[string]string{"pg_class": "4:9"}, Written: map[string]int64{"public.a": 3},
		Histories: map[string][]string{"schema_migrations": {"1"}}}
	is := func(change func(*Imprint)) Imprint {
		i := Imprint{System: "1", Catalog: map[string]string{"pg_class": "4:9"},
			Written: map[string]int64{"public.a": 3}, Histories: map[string][]string{"schema_migrations": {"1"}}}
		change(&i)
		return i
	}
	for claim, r := range map[string]struct {
		now  Imprint
		want string
	}{
		"nothing":         {is(func(*Imprint) {}), ""},
		"a table":         {is(func(i *Imprint) { i.Catalog["pg_class"] = "5:11" }), "the schema changed (pg_class)"},
		"rows":            {is(func(i *Imprint) { i.Written["public.b"] = 1 }), "rows were written in public.b"},
		"counters reset":  {is(func(i *Imprint) { delete(i.Written, "public.a") }), "rows were written in public.a"},
		"another server":  {is(func(i *Imprint) { i.System = "2" }), "another server"},
		"another history": {is(func(i *Imprint) { i.Timeline = 2 }), "another history"},
	} {
		if got := was.Differs(r.now); (got == "") != (r.want == "") || !strings.Contains(got, r.want) {
			t.Errorf("%s: %q, want %q", claim, got, r.want)
		}
	}
	now := is(func(i *Imprint) {
		i.Histories = map[string][]string{"schema_migrations": {"2"}, "goose_db_version": {"7"}}
	})
	if got := strings.Join(was.Entries(now), " "); got != "goose_db_version: +7 schema_migrations: +2 "+
		"schema_migrations: -1" {
		t.Errorf("entries %q", got)
	}
}
