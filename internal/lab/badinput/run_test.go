//go:build real

package badinput

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fault"
)

// limit is the longest that a refusal may take; a host that stays silent is the slowest.
const limit = 90 * time.Second

// ending is how a fairlead ended: its exit status, its fault, and all it printed.
type ending struct {
	exit  int
	fault fault.Fault
	cause string
	said  string // standard error
	out   string // standard output
	took  time.Duration
}

// run runs fairlead with --json in dir. Variables in env win over those of the lab.
func (s *site) run(t *testing.T, dir string, env []string, args ...string) ending {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := s.Fairlead(ctx, dir, append(args, "--json")...)
	cmd.Env = append(append(cmd.Env, "HOME="+dir, "XDG_STATE_HOME="+dir+"/state"), env...)
	return finish(t, cmd)
}

func finish(t *testing.T, cmd *exec.Cmd) ending {
	t.Helper()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	began := time.Now()
	err := cmd.Run()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		t.Fatalf("run fairlead: %v", err)
	}
	e := ending{exit: cmd.ProcessState.ExitCode(), said: said.String(), out: out.String(), took: time.Since(began)}
	lines := strings.Split(strings.TrimSpace(e.out), "\n")
	var last struct {
		Fault fault.Fault `json:"fault"`
		Cause string      `json:"cause"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err == nil {
		e.fault, e.cause = last.Fault, last.Cause
	}
	return e
}

// noise is what no message may hold: traces of Go, of docker's logger, of broken formats.
var noise = regexp.MustCompile(`(?m)panic:|goroutine \d|runtime ` +
	`error|level=(warning|error)|time="20|%!|0x[0-9a-f]{6}|<nil>|exit status \d+: |unexpected EOF`)

// judge holds an ending to the promise.
func (e ending) judge(t *testing.T, s *site, exit int, code fault.Code) {
	t.Helper()
	t.Logf("exit %d, code %s, %s\n%s", e.exit, e.fault.Code, e.took.Round(100*time.Millisecond), e.said)
	if e.exit != exit {
		t.Errorf("exit status %d, want %d", e.exit, exit)
	}
	if e.fault.Code != code {
		t.Errorf("the code is %q, want %q", e.fault.Code, code)
	}
	f := e.fault
	if f.What == "" || f.Means == "" || len(f.Do) == 0 || f.Do[0].Line == "" {
		t.Errorf("a part is missing: %+v", f)
	}
	if !regexp.MustCompile(`unchanged|not changed|changed nothing|nothing was ` +
		`(changed|attempted|sent|migrated)`).MatchString(f.Means) {
		t.Errorf("it is not said whether production is changed: %q", f.Means)
	}
	for _, text := range []string{e.said, e.out} {
		if found := noise.FindString(text); found != "" {
			t.Errorf("noise: %q", found)
		}
		if strings.Contains(text, s.Password) {
			t.Errorf("the database's password is shown")
		}
	}
}
