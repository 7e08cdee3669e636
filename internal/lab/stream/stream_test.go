package stream

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"fairlead/internal/wire"
)

func watch(t *testing.T) (*Stream, Order) {
	t.Helper()
	bin, dir := t.TempDir(), t.TempDir()
	name := "fairlead-agent-linux-" + runtime.GOARCH
	for _, f := range []string{name, "streamagent"} {
		if err := os.WriteFile(filepath.Join(bin, f), []byte("program "+f), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Watch(dir, bin, wire.OpLedgerAppend)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	o, err := Orders(filepath.Join(s.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func TestOrders_are_read_from_the_program_that_Watch_put_together(t *testing.T) {
	_, o := watch(t)
	if agent, err := os.ReadFile(o.Agent); err != nil ||
		string(agent) != "program fairlead-agent-linux-"+runtime.GOARCH {
		t.Errorf("the agent is %q, %v", agent, err)
	}
	if len(o.Watch) != 1 || o.Watch[0] != wire.OpLedgerAppend {
		t.Errorf("it watches %v", o.Watch)
	}
	if _, err := Orders(o.Agent); err == nil {
		t.Error("a program without an order has one")
	}
}

func TestHear_decides_whether_what_is_held_goes_on(t *testing.T) {
	s, o := watch(t)
	s.Hear(func(m Moment) bool { return m.When != Done })
	c, err := net.Dial("unix", o.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	for _, step := range []struct {
		when When
		goes bool
	}{{Before, true}, {Done, false}} {
		line, _ := json.Marshal(Moment{When: step.when, Op: wire.OpLedgerAppend})
		if _, err := c.Write(append(line, '\n')); err != nil {
			t.Fatal(err)
		}
		if _, err := answers.ReadString('\n'); (err == nil) != step.goes {
			t.Errorf("%s: goes on %v, want %v", step.when, err == nil, step.goes)
		}
	}
}
