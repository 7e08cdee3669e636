package applier

import (
	"strings"
	"testing"
)

func TestShadowStatement_makes_a_plain_index_on_the_copy(t *testing.T) {
	sql, err := shadowStatement("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON app.t USING gin (lower(a) " +
		"DESC) INCLUDE (b) WHERE a > 'x'")
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"CONCURRENTLY", "EXISTS", " ix ", "app"} {
		if strings.Contains(sql, no) {
			t.Errorf("%q stands in %s", no, sql)
		}
	}
	for _, yes := range []string{"UNIQUE", "pg_temp.fairlead_shadow", "lower(a) DESC", "INCLUDE (b)", "WHERE a > 'x'"} {
		if !strings.Contains(sql, yes) {
			t.Errorf("%q is missing in %s", yes, sql)
		}
	}
}
