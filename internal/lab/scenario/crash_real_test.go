//go:build real

package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/lab"
	"fairlead/internal/lab/stream"
	"fairlead/internal/wire"
)

// point is a moment at which the operator is killed: at a request to the agent, or at a statement of the migration.
type point struct {
	op    wire.Op     // ledger.append or roll.start; empty for a statement
	nth   int         // of that op in the whole run, or of the statements since migrate began
	when  stream.When // before, done, heard
	what  string      // for people: the record or the statement
	again bool        // the first resume is killed too
}

func (p point) String() string {
	if p.again {
		p.what += " (and the first resume after its takeover)"
	}
	if p.op == "" {
		return fmt.Sprintf("statement %d of migrate, %s: %s", p.nth, p.when, p.what)
	}
	return fmt.Sprintf("%s %d, %s: %s", p.op, p.nth, p.when, p.what)
}

// everyPoint names the variable that, when it is set, takes the statements that only look into the test too, and shows
// each point.
const everyPoint = "FAIRLEAD_EVERY_POINT"

// crashes is a stage whose agent's stream and database connections can be held.
type crashes struct {
	*stage
	stream *stream.Stream
	proxy  *lab.PgProxy
	images [2]lab.Published
	count  int // releases so far
	agents []string
}

func newCrashes(t *testing.T, o setting) *crashes {
	s := newStage(t, 15*time.Minute, o)
	proxy, err := s.Lab.NewPgProxy(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	through, err := proxy.URL(s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	// A folder that the deploy user may enter, unlike a test's own.
	dir, err := os.MkdirTemp(s.Lab.Dir, "stream-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	st, err := stream.Watch(dir, bin(t), wire.OpLedgerAppend, wire.OpRollStart)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	c := &crashes{stage: s, stream: st, proxy: proxy}
	c.agents = []string{"FAIRLEAD_AGENT_DIR=" + st.Dir, "PROD_DB_URL=" + through}
	c.images[0] = s.publish(lab.Release{Tag: "v1.0.0"})
	c.images[1] = s.publish(lab.Release{Tag: "v1.0.1"})
	return c
}

// newRunning is newCrashes after a first deployment.
func newRunning(t *testing.T, o setting) *crashes {
	c := newCrashes(t, o)
	c.release("v1.0.0", c.images[0], "CREATE TABLE passes (release text NOT NULL);\n", "api")
	c.must(0, "deploy", "v1.0.0", "--yes")
	return c
}

// next describes the next release: the other images, and a migration of a transactional unit and an index build.
func (c *crashes) next() (tag, name string, p lab.Published) {
	c.count++
	n := c.count
	tag, name = fmt.Sprintf("v2.0.%d", n), fmt.Sprintf("point_%d", n)
	p = c.images[n%2]
	c.release(tag, p, fmt.Sprintf("CREATE TABLE %[1]s (id bigint PRIMARY KEY);\n"+
		"INSERT INTO passes (release) VALUES ('%[2]s');\n"+
		"CREATE INDEX CONCURRENTLY IF NOT EXISTS %[1]s_index ON %[1]s (id);\n", name, tag), "api")
	return tag, name, p
}

// begins tells whether a request writes that a step begins, or is proven.
func says(m stream.Moment, v engine.Verdict, step engine.Name) bool {
	r, ok := record(m)
	return ok && r.Verdict == v && r.Step == step
}

func record(m stream.Moment) (engine.Record, bool) {
	var b wire.LedgerAppend
	if m.Op != wire.OpLedgerAppend || json.Unmarshal(m.Body, &b) != nil {
		return engine.Record{}, false
	}
	r, err := engine.ParseRecord(b.Line)
	return r, err == nil
}

func describe(m stream.Moment) string {
	r, ok := record(m)
	if !ok {
		return string(m.Op)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s", r.Verdict, r.Step))
}

// find deploys undisturbed and lists every point of it, so that a new step joins by itself.
func (c *crashes) find() (points []point, took time.Duration) {
	c.t.Helper()
	tag, name, p := c.next()
	var mu sync.Mutex
	counts := map[wire.Op]int{}
	var requests, statements []point
	c.proxy.Set(nil)
	c.stream.Hear(func(m stream.Moment) bool {
		mu.Lock()
		defer mu.Unlock()
		if m.When != stream.Before {
			return true
		}
		switch {
		case says(m, engine.Began, "migrate"):
			c.proxy.Set(nil)
		case says(m, engine.Proven, "migrate"):
			for i, sql := range c.proxy.Statements() {
				statements = append(statements, point{nth: i + 1, what: brief(sql)})
			}
		}
		counts[m.Op]++
		requests = append(requests, point{op: m.Op, nth: counts[m.Op], what: describe(m)})
		return true
	})
	got := c.start(c.Home, c.agents, "deploy", tag, "--yes").wait()
	c.stream.Hear(nil)
	if got.Exit != 0 {
		c.t.Fatalf("the undisturbed deployment: %s", got)
	}
	if why := c.check(name, tag, got.Out, p); why != "" {
		c.t.Fatalf("the undisturbed deployment: %s: %s", why, got)
	}
	for _, r := range requests {
		for _, w := range []stream.When{stream.Before, stream.Done, stream.Heard} {
			r.when = w
			points = append(points, r)
		}
	}
	for _, s := range statements {
		for _, w := range []stream.When{stream.Before, stream.Done} {
			if s.when = w; changes(s.what) || os.Getenv(everyPoint) != "" {
				points = append(points, s)
			}
		}
	}
	return points, got.Took
}

func brief(sql string) string {
	s := strings.Join(strings.Fields(sql), " ")
	if len(s) > 90 {
		s = s[:90] + "…"
	}
	return s
}

// changes tells whether a statement can leave something behind. Around one that only looks, or begins, the moments are
// those around its neighbours.
func changes(sql string) bool {
	words := strings.Fields(strings.TrimPrefix(sql, "/* fairlead */ "))
	return len(words) > 0 && !slices.Contains([]string{"SELECT", "SHOW", "SET", "BEGIN", "ROLLBACK"},
		strings.ToUpper(words[0]))
}

// crash kills a deployment at a point and resumes it elsewhere. It gives false when the run came by without meeting the
// point.
func (c *crashes) crash(p point) bool {
	c.t.Helper()
	tag, name, images := c.next()
	var r *running
	started, killed := make(chan struct{}), make(chan struct{})
	kill := sync.OnceFunc(func() {
		<-started
		r.kill()
		close(killed)
	})
	c.aim(p, kill)
	r = c.start(c.Home, c.agents, "deploy", tag, "--yes")
	close(started)
	<-r.ended
	c.stream.Hear(nil)
	c.proxy.Set(nil)
	died := r.wait()
	select {
	case <-killed:
	case <-time.After(5 * time.Second):
		if died.Exit != 0 {
			c.t.Errorf("%s: it was never met, and the deployment failed: %s", p, died)
		}
		return false
	}
	dir, env := c.elsewhere()
	if p.again {
		if more := c.crashResume(dir, env); more != "" {
			died.All += more
		}
	}
	resumed := c.start(dir, env, "resume").wait()
	// A run whose opening never reached the ledger is no run: nothing has changed, and the deployment is started anew.
	if strings.Contains(resumed.Out, "no run is open") && p.op == wire.OpLedgerAppend && p.nth == 1 &&
		p.when == stream.Before {
		if c.value("SELECT count(*) FROM passes WHERE release = '"+tag+"'") != "0" || c.runs(images, "api") == "" {
			c.t.Errorf("%s: production changed before the run was open", p)
		}
		resumed = c.start(dir, env, "deploy", tag, "--yes").wait()
	}
	why := c.check(name, tag, resumed.Out, images)
	if resumed.Exit != 0 || why != "" {
		c.t.Errorf("%s: %s\n%s\nwhat was killed had said:\n%s", p, why, resumed, died.All)
	}
	return true
}

// crashResume kills a resume after it has taken the run over, and gives what it said.
func (c *crashes) crashResume(dir string, env []string) string {
	var r *running
	started := make(chan struct{})
	c.aim(point{op: wire.OpLedgerAppend, nth: 1, when: stream.Done}, func() {
		<-started
		r.kill()
	})
	r = c.start(dir, append(env, c.agents...), "resume")
	close(started)
	said := r.wait()
	c.stream.Hear(nil)
	return said.String()
}

// aim makes kill run when a deployment comes to the point.
func (c *crashes) aim(p point, kill func()) {
	var mu sync.Mutex
	// of the requests and moments that p is about: a request may be told of before the answer to the one before is
	n := 0
	c.stream.Hear(func(m stream.Moment) bool {
		mu.Lock()
		at := m.Op == p.op && m.When == p.when
		if at {
			n++
			at = n == p.nth
		}
		mu.Unlock()
		if p.op == "" && m.When == stream.Before && says(m, engine.Began, "migrate") {
			when := lab.BeforeSent
			if p.when == stream.Done {
				when = lab.AfterDone
			}
			c.proxy.Set(&lab.Rule{Nth: p.nth, When: when, Do: kill, Cut: when == lab.BeforeSent})
		}
		if at {
			kill()
		}
		return !at
	})
}

// check asks the world whether a release is in place exactly once. It gives "" when it is.
func (c *crashes) check(name, tag, answer string, images lab.Published) string {
	c.t.Helper()
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if n := c.value("SELECT count(*) FROM passes WHERE release = '" + tag + "'"); n != "1" {
		say("the migration was applied %s times", n)
	}
	if v := c.value("SELECT coalesce(string_agg(indisvalid::text, ','), 'missing') FROM pg_index " +
		"WHERE indexrelid = to_regclass('" + name + "_index')"); v != "true" {
		say("the index is valid: %s", v)
	}
	if n := c.value("SELECT count(*) FILTER (WHERE done) FROM fairlead.applied WHERE migration = '" + c.sum(tag) +
		"'"); n != "2" {
		say("%s of 2 units are marked as done", n)
	}
	if why := c.runs(images, "api"); why != "" {
		say("%s", why)
	}
	if !strings.Contains(c.env(), "API_IMAGE="+images.Images["api"]+"\n") {
		say("the .env names another image")
	}
	if strings.Contains(answer, "deployed "+tag) {
		return strings.Join(wrong, "; ") + c.holds()
	}
	if last := c.last(); last.Tag != tag || last.Outcome != fault.Deployed {
		say("the ledger does not say that %s is deployed: %+v", tag, last)
	}
	return strings.Join(wrong, "; ") + c.holds()
}

// holds is what `ledger verify` has against the ledger, or "".
func (c *crashes) holds() string {
	if got := c.fairlead("ledger", "verify"); got.Exit != 0 || !strings.Contains(got.Out, "the ledger holds") {
		return "; " + got.String()
	}
	return ""
}

// sum is the sha256 of a release's migration.
func (c *crashes) sum(tag string) string {
	var doc struct{ Migration struct{ SHA256 string } }
	text, err := os.ReadFile(strings.ReplaceAll(c.images[0].File, "v1.0.0", tag))
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return doc.Migration.SHA256
}

// spread gives n points out of all, evenly, the first and the last included.
func spread(all []point, n int) []point {
	var some []point
	for i := range min(n, len(all)) {
		some = append(some, all[i*(len(all)-1)/max(n-1, 1)])
	}
	return slices.CompactFunc(some, func(a, b point) bool { return a == b })
}

func TestDeploy_killed_at_any_point_is_brought_to_its_end_by_resume(t *testing.T) {
	began := time.Now()
	scout := newRunning(t, one("crash-a"))
	points, took := scout.find()
	t.Logf("an undisturbed deployment takes %s and has %d crash points", took.Round(10*time.Millisecond), len(points))
	for i := range points {
		points[i].again = i%11 == 5
	}
	var met, missed atomic.Int32
	t.Cleanup(func() {
		t.Logf("%d crash points met, %d not, in %s", met.Load(), missed.Load(), time.Since(began).Round(time.Second))
		if missed.Load() > met.Load()/10 {
			t.Errorf("too many points were not met: the deployment is not the one that was counted")
		}
	})
	play := func(c *crashes, points []point) {
		for _, p := range points {
			at := time.Now()
			if !c.crash(p) {
				missed.Add(1)
				c.t.Logf("not met: %s", p)
				continue
			}
			met.Add(1)
			if os.Getenv(everyPoint) != "" {
				c.t.Logf("%6s  %s", time.Since(at).Round(10*time.Millisecond), p)
			}
		}
	}
	halves := [2][]point{}
	for i, p := range points {
		halves[i%2] = append(halves[i%2], p)
	}
	t.Run("local", func(t *testing.T) {
		t.Parallel()
		scout.t = t
		play(scout, halves[0])
	})
	t.Run("local, the other half", func(t *testing.T) {
		t.Parallel()
		play(newRunning(t, one("crash-b")), halves[1])
	})
	t.Run("over ssh", func(t *testing.T) {
		t.Parallel()
		o := one("crash-c")
		o.config.Hosts = nil
		play(newRunning(t, o), spread(points, 10))
	})
}

func TestFirst_deployment_killed_anywhere_is_brought_to_its_end(t *testing.T) {
	t.Parallel()
	for i, p := range []point{
		{op: wire.OpLedgerAppend, nth: 1, when: stream.Before, what: "opened, the ledger is not there yet"},
		{op: wire.OpLedgerAppend, nth: 1, when: stream.Done, what: "opened, the ledger has just been made"},
		{op: wire.OpRollStart, nth: 1, when: stream.Done, what: "the first containers start"},
	} {
		c := newCrashes(t, one(fmt.Sprintf("first-%d", i+1)))
		c.exec("CREATE TABLE passes (release text NOT NULL)")
		if !c.crash(p) {
			t.Errorf("not met: %s", p)
		}
	}
}
