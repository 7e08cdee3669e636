//go:build postgres

package applier

import (
	"strings"
	"testing"
	"time"

	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
)

func TestExec_tells_how_far_an_index_build_is(t *testing.T) {
	url := servertest.Table(t)
	servertest.Admin(t, url, "INSERT INTO effect SELECT generate_series(1, 1500000)")
	release := servertest.HoldOld(t, url)
	time.AfterFunc(2*time.Second, release)
	d, j := opened(t, url, func(c *server.Config) { c.LockTimeout = 200 * time.Millisecond }),
		servertest.JobOf(t, servertest.AddRow+concurrentIndex)
	servertest.Applied(t, d, j)
	all := strings.Join(j.Said, "\n")
	for _, words := range []string{"statement 1 of 2, line 1: INSERT",
		"statement 2 of 2, line 1: CREATE INDEX CONCURRENTLY: waits for pid", " % of "} {
		if !strings.Contains(all, words) {
			t.Errorf("nothing says %q:\n%s", words, all)
		}
	}
	t.Log(all)
}
