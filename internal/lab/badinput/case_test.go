//go:build real

package badinput

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/fault"
	"fairlead/internal/lab"
)

// attempt is what a case may spoil before fairlead is asked to deploy the next release.
type attempt struct {
	*testing.T
	site *site
	dir  string // the operator's folder, with fairlead.yaml
	env  []string
	args []string // the command; deploy v1.1.0 --yes when nil
}

// edit replaces a piece of fairlead.yaml, which must be there.
func (a *attempt) edit(old, new string) {
	a.Helper()
	a.replace(filepath.Join(a.dir, "fairlead.yaml"), old, new)
}

func (a *attempt) replace(file, old, new string) {
	a.Helper()
	text, err := os.ReadFile(file)
	must(a.T, err)
	if !strings.Contains(string(text), old) {
		a.Fatalf("%s does not hold %q", file, old)
	}
	a.write(file, strings.Replace(string(text), old, new, 1))
}

func (a *attempt) write(file, text string) {
	a.Helper()
	must(a.T, os.WriteFile(file, []byte(text), 0o644))
}

// spoil edits a copy of the next release's folder and deploys from it.
func (a *attempt) spoil(file, old, new string) {
	a.Helper()
	dir := copyOf(a.T, a.site.next)
	a.replace(filepath.Join(dir, file), old, new)
	a.deployFrom(filepath.Join(dir, "release.json"))
}

func (a *attempt) deployFrom(release string) {
	a.args = []string{"deploy", "--release", release, "--yes"}
}

// host runs a line as root on the host.
func (a *attempt) host(line string) {
	a.Helper()
	if out, err := a.site.Lab.HostCommand(patience(a.T), "sh", "-c", line).CombinedOutput(); err != nil {
		a.Fatalf("%s: %v: %s", line, err, out)
	}
}

// away takes a part away for the rest of the case.
func (a *attempt) away(p lab.Part) {
	a.Helper()
	must(a.T, a.site.Lab.Stop(patience(a.T), p))
	a.Cleanup(func() { must(a.T, a.site.Lab.Start(patience(a.T), p)) })
}

// refusal is one case: what is spoiled, and how it must end.
type refusal struct {
	name  string
	spoil func(*attempt)
	exit  int
	code  fault.Code
	says  string // a piece of what is printed
}

// refuse tries all cases on a site and compares the world before and after each.
func refuse(t *testing.T, s *site, c lab.ConfigOptions, cases []refusal) {
	t.Helper()
	for _, one := range cases {
		t.Run(one.name, func(t *testing.T) { s.refuses(t, c, one) })
	}
}

func (s *site) refuses(t *testing.T, c lab.ConfigOptions, one refusal) {
	var before print
	var got ending
	before = s.print(t)
	t.Run("", func(t *testing.T) { // what the case spoiled is mended when this ends
		a := &attempt{T: t, site: s, dir: s.operator(t, c), args: []string{"deploy", "v1.1.0", "--yes"}}
		one.spoil(a)
		got = s.run(t, a.dir, a.env, a.args...)
	})
	got.judge(t, s, one.exit, one.code)
	if !strings.Contains(got.said, one.says) {
		t.Errorf("it does not say %q", one.says)
	}
	before.same(t, s.print(t))
}
