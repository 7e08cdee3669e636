//go:build postgres

package alone

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tool is a migration tool of the poorest kind: it takes its database from the environment and applies one file by
// psql.
const tool = `#!/bin/sh
echo "tool: connecting to $DATABASE_URL"
case "$1" in
ok)      exec psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -1 -qf up.sql ;;
refuse)  echo "tool: nothing is right"; exit 3 ;;
half)    psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -qf up.sql; echo "tool: and then it broke"; exit 1 ;;
slow)    psql "$DATABASE_URL" -qc "SELECT pg_sleep(30)" ;;
linger)  psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -1 -qf up.sql; sleep 30 ;;
die)     kill -9 $$ ;;
nap)     sleep 30 ;;
esac
`

const gooseUp = `CREATE TABLE public.notes (id int);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (7, true);
`

// commanded makes a shop whose migration is a command that somebody answers for.
func commanded(t *testing.T, how string, more ...string) *shop {
	t.Helper()
	s := open(t, more...)
	s.sql(orders, gooseHistory)
	s.write("tool.sh", tool)
	s.write("up.sql", gooseUp)
	s.must(0, []string{"migrate", "waive", "--with", "up.sql", "--reason", "tried on the copy of yesterday", "--until",
		"2099-01-01", "--", "./tool.sh", how})
	return s
}

func apply(how string, flags ...string) []string {
	return append(append([]string{"migrate", "apply", "--command", "--with", "up.sql", "--yes"}, flags...), "--",
		"./tool.sh", how)
}

func (s *shop) notes() bool {
	s.t.Helper()
	return s.count("SELECT count(*) FROM pg_class WHERE relname = 'notes' "+
		"AND relnamespace = 'public'::regnamespace") == 1
}

func TestCommand_is_refused_until_somebody_answers_for_exactly_it(t *testing.T) {
	s := open(t)
	s.sql(orders)
	s.write("tool.sh", tool)
	s.write("up.sql", gooseUp)
	s.must(3, apply("ok"), "command-unreviewed", "fairlead migrate waive")
	s.must(1, []string{"migrate", "waive", "--reason", "because", "--until", "2099-01-01", "--", "./tool.sh", "ok"},
		"15 characters")
	s.must(0, []string{"migrate", "waive", "--with", "up.sql", "--reason", "tried on the copy of yesterday", "--until",
		"2099-01-01", "--", "./tool.sh", "ok"}, "2 files bound")
	s.must(0, []string{"migrate", "plan", "--command", "--with", "up.sql", "--", "./tool.sh", "ok"},
		"exactly once cannot be proved", "tried on the copy of yesterday")
	s.must(3, apply("half"), "command-unreviewed")
	s.write("up.sql", gooseUp+"DROP TABLE public.orders;\n")
	s.must(3, apply("ok"), "command-unreviewed")
	if s.notes() {
		t.Error("it ran nevertheless")
	}
}

func TestCommand_runs_once_and_its_output_holds_no_secret(t *testing.T) {
	s := commanded(t, "ok")
	s.must(0, apply("ok"), "run to its end by this run: ./tool.sh ok", "goose_db_version: +7", "connecting to ***")
	s.must(0, apply("ok"), "already applied by run")
	s.must(0, words("migrate status"), "./tool.sh ok", "applied", "1 of 1")
	s.must(0, words("ledger verify"))
	logs, _ := filepath.Glob(filepath.Join(s.dir, "state", "fairlead", "runs", "*", "migrate.log"))
	if len(logs) != 1 {
		t.Fatalf("%d outputs are kept", len(logs))
	}
	st, _ := os.Stat(logs[0])
	b, _ := os.ReadFile(logs[0])
	if st.Mode().Perm() != 0o600 || strings.Contains(string(b), "s3cr") ||
		!strings.Contains(string(b), "tool: connecting to ***") {
		t.Errorf("mode %v, holds:\n%s", st.Mode(), b)
	}
}

func TestCommand_that_fails_is_unchanged_only_where_that_is_proved(t *testing.T) {
	s := commanded(t, "refuse")
	s.must(4, apply("refuse"), "left everything as it was",
		"production is unchanged: schema, rows and the tool's history", "exit status 3")
	s.must(0, words("status"), "failed-unchanged")
	s.must(4, apply("refuse"), "exit status 3") // and it may be tried again at once

	s = commanded(t, "half")
	s.must(6, apply("half"), "how much of it is in place is not known", "the schema changed",
		"rows were written in public.goose_db_version")
	s.must(0, words("status"), "OPEN run")
	s.must(0, []string{"abandon", "--reason", "mended by hand", "--yes"})
}

func TestCommand_whose_end_says_nothing_is_unknown(t *testing.T) {
	s := commanded(t, "die")
	s.must(7, apply("die"), "it is not known how the migration's command ended", "signal")
	// Nothing was changed, and that can be proved: resume runs it again, and it dies again.
	s.must(7, words("resume --yes"), "signal")
	s.must(0, []string{"resume", "--yes", "--migration", "applied", "--reason", "the tool says that all is in place"},
		"decided that it is applied: the tool says")
	s.must(0, apply("die"), "already applied by run")

	s = commanded(t, "nap", "migration: {timeout: 2s}")
	began := time.Now()
	s.must(7, apply("nap"), "it ran for longer than 2s")
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s to stop it", took)
	}
	if n := running(t, "sleep 30"); n > 0 {
		t.Errorf("%d processes of it are left", n)
	}
}

// running counts processes with a command line, in the folder of the tests' programs.
func running(t *testing.T, line string) int {
	t.Helper()
	n := 0
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range all {
		b, err := os.ReadFile(f)
		if err == nil && strings.TrimRight(strings.ReplaceAll(string(b), "\x00", " "), " ") == line {
			if env, err := os.ReadFile(filepath.Join(filepath.Dir(f), "environ")); err == nil &&
				strings.Contains(string(env), fmt.Sprintf(":%d/", server.Port)) {
				n++
			}
		}
	}
	return n
}

// napping waits until the command that naps runs.
func (s *shop) napping() {
	s.t.Helper()
	s.wait("the command naps", func() bool { return running(s.t, "sleep 30") > 0 })
}

func TestCommand_after_a_kill_of_fairlead_is_looked_at_before_anything_is_run(t *testing.T) {
	s := commanded(t, "linger")
	s.killed(apply("linger"), func(int) { s.until(1, "SELECT count(*) FROM pg_class WHERE relname = 'notes'") })
	s.must(7, words("resume --yes"), "still runs on this machine")
	s.endLingering()
	s.must(7, words("resume --yes"), "how it ended is not known", "the schema changed")
	s.must(1, words("resume --yes --migration applied"), "--reason")
	s.must(0, []string{"resume", "--yes", "--migration", "applied", "--reason", "goose_db_version has 7"},
		"decided that it is applied")
	s.must(0, words("ledger verify"))

	// The same with a command that had changed nothing yet: that is proved, and it is run again.
	s = commanded(t, "nap", "migration: {timeout: 3s}")
	s.killed(apply("nap"), func(int) { s.napping() })
	s.endLingering()
	s.must(7, words("resume --yes"), "it ran for longer than 3s")
}

// endLingering ends what a killed fairlead has left, and nothing else: processes that this shop's command has started.
func (s *shop) endLingering() {
	s.t.Helper()
	s.wait("the end of what it left", func() bool {
		left := 0
		all, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, f := range all {
			b, err := os.ReadFile(f)
			if err != nil || !strings.Contains(string(b), "FAIRLEAD_RUN=") ||
				!strings.Contains(string(b), "DATABASE_URL="+s.url) {
				continue
			}
			left++
			var pid int
			if _, err := fmt.Sscanf(filepath.Base(filepath.Dir(f)), "%d", &pid); err == nil {
				if p, err := os.FindProcess(pid); err == nil {
					_ = p.Kill()
				}
			}
		}
		return left == 0
	})
}

func TestCommand_is_stopped_when_somebody_else_takes_the_run_over(t *testing.T) {
	s := commanded(t, "nap", "migration: {timeout: 4s}")
	cmd := s.command(apply("nap")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.napping()
	a := s.run(words("resume --yes")...)
	if a.exit != 7 {
		t.Errorf("the one who took over: %s", a)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 8 {
		t.Errorf("the one who was overtaken ends with %d", cmd.ProcessState.ExitCode())
	}
	if n := running(t, "sleep 30"); n > 0 {
		t.Errorf("%d processes of the command are left", n)
	}
	s.must(0, []string{"abandon", "--yes", "--reason", "enough"})
}
