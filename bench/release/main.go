// Command release measures a whole release, the literal runbook as a script and fairlead side by side: wall time,
// failed requests, longest gap. Same lab, same images, same database, in turn. Run it in a lab: make bench. It prints a
// Markdown table.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"fairlead/internal/lab"
)

//go:embed runbook.sh
var runbook string

// The lab of the figures in docs/performance.md: 20 MB images, 2 s boot, 200 requests a second.
const (
	padMB     = 20
	behaviour = "slow-boot=2s"
	rows      = 600_000 // about 100 MB
)

// figures is what one release cost.
type figures struct {
	wall time.Duration
	load lab.LoadResult
}

// contender makes one release run.
type contender struct {
	name  string
	stack *lab.Stack
	run   func(ctx context.Context, p lab.Published) *exec.Cmd
	seen  []figures
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, turns()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// turns is how often each contender runs; FAIRLEAD_TURNS changes it.
func turns() int {
	if n, err := strconv.Atoi(os.Getenv("FAIRLEAD_TURNS")); err == nil && n > 0 {
		return n
	}
	return 3
}

func measure(ctx context.Context, turns int) error {
	l, err := lab.Attach(os.Getenv(lab.DirVar))
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "fairlead-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	script, err := scripted(ctx, l, filepath.Join(work, "script"))
	if err != nil {
		return err
	}
	tool, err := tooled(ctx, l, filepath.Join(work, "tool"))
	if err != nil {
		return err
	}
	both := []*contender{script, tool}
	for _, c := range both {
		if err := c.prepare(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for n := range turns {
		for _, c := range both {
			if err := c.turn(ctx, n+1); err != nil {
				return fmt.Errorf("%s, turn %d: %w", c.name, n+1, err)
			}
		}
	}
	report(both)
	return nil
}

// scripted is the literal runbook.
func scripted(ctx context.Context, l *lab.Lab, work string) (*contender, error) {
	s, err := l.Stack(ctx, lab.StackOptions{App: "benchscript"})
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(work, "runbook.sh")
	if err := os.WriteFile(file, []byte(runbook), 0o755); err != nil {
		return nil, err
	}
	ssh := fmt.Sprintf("ssh -o BatchMode=yes -o IdentitiesOnly=yes -o UserKnownHostsFile=%s -i %s -p %d %s@%s",
		l.KnownHosts, l.IdentityFile,
		l.SSHPort, l.SSHUser, l.SSHHost)
	return &contender{name: "literal runbook", stack: s, run: func(ctx context.Context, p lab.Published) *exec.Cmd {
		cmd := l.Command(ctx, "bash", file)
		cmd.Env = append(cmd.Env, "DIR="+p.Dir, "PROD_DB_URL="+s.DatabaseURL, "SSH="+ssh, "TARGET="+s.Dir, "WORK="+work,
			"HEALTH="+s.APIURL+"/health", "SMOKE1="+s.APIURL+"/health", "SMOKE2="+s.WebURL+"/api/health")
		return cmd
	}}, nil
}

// tooled is fairlead, with the runbook's own health window.
func tooled(ctx context.Context, l *lab.Lab, work string) (*contender, error) {
	s, err := l.Stack(ctx, lab.StackOptions{App: "benchtool"})
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, err
	}
	if err := s.WriteConfig(filepath.Join(work, "fairlead.yaml"), lab.ConfigOptions{Every: "10s"}); err != nil {
		return nil, err
	}
	return &contender{name: "fairlead deploy", stack: s, run: func(ctx context.Context, p lab.Published) *exec.Cmd {
		return s.Fairlead(ctx, work, "deploy", p.Tag, "--yes")
	}}, nil
}

// prepare fills the database and makes a first release run, unmeasured.
func (c *contender) prepare(ctx context.Context) error {
	if err := c.stack.Exec(ctx, fmt.Sprintf(`CREATE TABLE filler (id bigint PRIMARY KEY, body text);
		INSERT INTO filler SELECT n, md5(n::text) || md5((n+1)::text) || md5((n+2)::text)
			FROM generate_series(1, %d) n; ANALYZE filler`, rows)); err != nil {
		return err
	}
	p, err := c.stack.PublishRelease(ctx, c.release(0))
	if err != nil {
		return err
	}
	return c.finish(c.run(ctx, p))
}

func (c *contender) release(n int) lab.Release {
	return lab.Release{Tag: fmt.Sprintf("v1.%d.0", n), PadMB: padMB, Behaviour: map[string]string{"all": behaviour},
		MigrationSQL: fmt.Sprintf("CREATE TABLE IF NOT EXISTS t%d (id bigint PRIMARY KEY);\n"+
			"ALTER TABLE filler ADD COLUMN IF NOT EXISTS c%d text;\n", n, n)}
}

// turn measures one release under load.
func (c *contender) turn(ctx context.Context, n int) error {
	p, err := c.stack.PublishRelease(ctx, c.release(n))
	if err != nil {
		return err
	}
	load := lab.Load{URL: c.stack.APIURL + "/health"}.Start(ctx)
	time.Sleep(500 * time.Millisecond)
	start := time.Now()
	err = c.finish(c.run(ctx, p))
	f := figures{wall: time.Since(start)}
	time.Sleep(500 * time.Millisecond)
	f.load = load.Stop()
	c.seen = append(c.seen, f)
	fmt.Fprintf(os.Stderr, "%s, turn %d: %s, %s\n", c.name, n, f.wall.Round(100*time.Millisecond), f.load)
	return err
}

func (c *contender) finish(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
