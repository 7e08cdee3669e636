//go:build real

package badinput

import (
	"context"
	"strings"
	"sync"
	"testing"

	"fairlead/internal/lab"
)

func TestBadInput_in_the_ledger_is_refused_with_nothing_changed(t *testing.T) {
	s := running(t, lab.StackOptions{App: "badledger"}, lab.ConfigOptions{})
	ledger := s.Dir + "/.fairlead/badledger"
	refuse(t, s, lab.ConfigOptions{}, []refusal{
		{"a record that was edited", func(a *attempt) {
			a.segment(ledger, `sed -i '2s/"at":"20/"at":"19/'`)
		}, 3, "ledger-unusable", "ledger verify"},
		{"a record taken out of the middle", func(a *attempt) { a.segment(ledger, `sed -i 3d`) }, 3, "ledger-unusable",
			"ledger verify"},
		{"the closing record taken off, which leaves the run open",
			func(a *attempt) { a.segment(ledger, `sed -i '$d'`) }, 8, "run-open", "fairlead status"},
		{"an empty segment", func(a *attempt) { a.segment(ledger, `truncate -s 0`) }, 3, "ledger-unusable", ""},
		{"no ledger where the host knows one", func(a *attempt) { a.moved(ledger + "/production") }, 3,
			"ledger-unusable", "gone"},
		{"no .fairlead at all, where the database knows one", func(a *attempt) { a.moved(s.Dir + "/.fairlead") }, 3,
			"ledger-unusable", ""},
		{"another ledger", func(a *attempt) {
			a.edit("environment: production", "environment: staging")
			a.host("mkdir -p " + ledger + "/.host && cp -a " + ledger + "/.host/production " + ledger +
				"/.host/staging")
			a.Cleanup(func() { a.host("rm -rf " + ledger + "/.host/staging") })
		}, 3, "ledger-unusable", ""},
	})
}

// segment changes the newest segment of the ledger with a command that takes its name, and puts it back.
func (a *attempt) segment(ledger, command string) {
	a.Helper()
	out, err := a.site.Lab.HostCommand(patience(a.T), "sh", "-c",
		"ls -d "+ledger+"/production/segments/*.jsonl | tail -n 1").CombinedOutput()
	must(a.T, err)
	file := strings.TrimSpace(string(out))
	a.host("cp -a " + file + " /tmp/kept-segment")
	a.Cleanup(func() { a.host("cp -a /tmp/kept-segment " + file) })
	a.host(command + " " + file)
}

// moved takes a folder away, and puts it back.
func (a *attempt) moved(dir string) {
	a.Helper()
	a.host("mv " + dir + " " + a.site.Lab.Dir + "/srv/away")
	a.Cleanup(func() { a.host("rm -rf " + dir + " && mv " + a.site.Lab.Dir + "/srv/away " + dir) })
}

func TestWebhook_that_is_down_changes_no_outcome_and_keeps_the_note(t *testing.T) {
	s := running(t, lab.StackOptions{App: "badhook"}, lab.ConfigOptions{})
	must(t, s.Lab.Stop(patience(t), lab.Webhook))
	again := sync.OnceFunc(func() { must(t, s.Lab.Start(context.Background(), lab.Webhook)) })
	t.Cleanup(again)
	dir := s.operator(t, lab.ConfigOptions{})
	got := s.run(t, dir, nil, "deploy", "v1.1.0", "--yes")
	t.Log(got.said)
	if got.exit != 0 || !strings.Contains(got.said, "the outcome is not changed") {
		t.Errorf("exit %d\n%s", got.exit, got.said)
	}
	again()
	if sent := s.run(t, dir, nil, "notes", "resend"); sent.exit != 0 || !strings.Contains(sent.out, "nothing waits") {
		t.Errorf("resend: exit %d\n%s%s", sent.exit, sent.said, sent.out)
	}
	hooks, err := s.Lab.Hooks()
	must(t, err)
	if len(hooks) == 0 || !strings.Contains(string(hooks[len(hooks)-1].Body), "v1.1.0") {
		t.Errorf("the note did not arrive: %s", hooks[max(0, len(hooks)-1):])
	}
}
