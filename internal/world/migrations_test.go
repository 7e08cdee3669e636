package world_test

import (
	"slices"
	"strings"
	"sync"

	"fairlead/internal/apply"
	"fairlead/internal/sqltext"
)

// A change is one migration of the pool, read once: the stories differ in what goes wrong, not in how SQL is read.
type change struct {
	sql     string
	script  sqltext.Script
	sound   bool // no statement of it is refused by the server
	counted []string
	index   map[string]string // statement to the index that it makes
}

// pool gives the migrations of all stories.
var pool = sync.OnceValue(func() []*change {
	var all []*change
	for _, sql := range []string{
		"INSERT INTO log VALUES ('m0');",
		"INSERT INTO log VALUES ('m1a'); UPDATE accounts SET balance = balance + 1;",
		"INSERT INTO log VALUES ('m2a'); CREATE INDEX CONCURRENTLY i2 ON log (a); INSERT INTO log VALUES ('m2b');",
		"CREATE INDEX CONCURRENTLY i3 ON log (a);",
		"CREATE INDEX CONCURRENTLY IF NOT EXISTS i4 ON log (b); INSERT INTO log VALUES ('m4');",
		"INSERT INTO log VALUES ('m5'); INSERT INTO log SELECT 1/0;",
		"INSERT INTO log VALUES ('m6'); CREATE INDEX CONCURRENTLY i6 ON log (a); INSERT INTO log SELECT 1/0 AS m6;",
		"INSERT INTO log VALUES ('m7'); CREATE INDEX CONCURRENTLY i7a ON log (a); CREATE INDEX CONCURRENTLY i7b ON " +
			"log (b);",
		"INSERT INTO log VALUES ('m8'); CREATE INDEX CONCURRENTLY i8 ON log ((1/0));",
		"BEGIN; INSERT INTO log VALUES ('m9a'); COMMIT; BEGIN; INSERT INTO log VALUES ('m9b'); COMMIT; VACUUM log;",
		"INSERT INTO log VALUES ('m10'); DO $$ BEGIN INSERT INTO log VALUES ('m10do'); COMMIT; END $$;",
		"SET search_path = shop; CREATE INDEX CONCURRENTLY i11 ON log (a); INSERT INTO log VALUES ('m11');",
	} {
		script, err := sqltext.Parse([]byte(sql))
		if err != nil {
			panic(sql + ": " + err.Error())
		}
		all = append(all, describe(sql, script))
	}
	return all
})

func describe(sql string, script sqltext.Script) *change {
	c := &change{sql: sql, script: script, sound: !strings.Contains(sql, "1/0"), index: map[string]string{}}
	for _, u := range script.Units {
		for _, st := range u.Statements {
			if st.Kind == "SET" || strings.HasPrefix(st.SQL, "SET ") || strings.HasPrefix(st.SQL, "VACUUM") {
				continue
			}
			c.counted = append(c.counted, st.SQL)
			if st.Probe != nil && st.Probe.What == sqltext.IndexValid {
				c.index[st.SQL] = st.Probe.Name
			}
		}
	}
	return c
}

// alone tells whether a statement of it can be in no transaction.
func (c *change) alone() bool {
	return slices.ContainsFunc(c.script.Units, func(u sqltext.Unit) bool { return u.Kind == sqltext.Alone })
}

// done tells whether every unit has its committed end.
func (c *change) done(markers []apply.Marker) bool {
	n := 0
	for _, m := range markers {
		if m.Done {
			n++
		}
	}
	return n == len(c.script.Units)
}
