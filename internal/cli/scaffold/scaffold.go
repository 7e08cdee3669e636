// Package scaffold makes a first fairlead.yaml of a compose file: for the services whose image is a variable, with a
// patch for the others. It reads the compose file as a tree and writes nothing. Start with New.
package scaffold

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fairlead/internal/ui"
)

// Options say what is known beforehand; what is left empty is found or marked as to be filled in.
type Options struct {
	File        string // the compose file; "" is the first of the usual names
	App         string
	Environment string
	Host        string
	Directory   string // of the project on the host
}

// A Draft is what can be written.
type Draft struct {
	File     string   // the compose file
	Services []string // in the configuration
	Config   string
	Patch    string // what makes variables of the fixed images; "" where there are none
}

// New makes the draft.
func New(o Options) (Draft, error) {
	f, err := readStack(o.File)
	if err != nil {
		return Draft{}, err
	}
	if o.App == "" {
		dir, err := os.Getwd()
		if err != nil {
			return Draft{}, err
		}
		o.App = appName(filepath.Base(dir))
	}
	d := Draft{File: f.path}
	released, fixed := f.sort()
	for _, s := range released {
		d.Services = append(d.Services, s.name)
	}
	d.Config = configText(o, f.path, released)
	if len(fixed) > 0 {
		d.Patch = patchText(f.path, fixed)
	}
	return d, nil
}

// appName makes a name that the configuration takes of a folder's name.
func appName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, s)
	s = strings.TrimLeft(s, "._-")
	return cmp.Or(s[:min(len(s), 64)], "app")
}

// configText is the new file. It is written by hand rather than encoded, so that it explains itself.
func configText(o Options, path string, released []service) string {
	var b strings.Builder
	todo := func(set, otherwise string) string {
		if set == "" {
			return otherwise + "   # TODO"
		}
		return set
	}
	fmt.Fprintf(&b, "# fairlead.yaml, made from %s. docs/configuration.md explains every key.\n", ui.Clean(path))
	fmt.Fprintf(&b, "app: %s\nenvironment: %s\n", o.App, o.Environment)
	b.WriteString("release:  {source: file, path: release.json}\n")
	b.WriteString("approval: {from: none, reason: \"TODO: why nobody else approves\"}   # TODO\n")
	b.WriteString("database: {url: \"${PROD_DB_URL}\", via: direct, lock_timeout: 2s}   # remove it, and backup, if " +
		"there is no database\n")
	b.WriteString("backup:   {store: {kind: dir, path: ./backups}}\n")
	b.WriteString("target:\n  kind: compose\n  hosts:\n")
	fmt.Fprintf(&b, "    - %s\n", todo(quoted(o.Host), `"ssh://deploy@203.0.113.7:22"`))
	fmt.Fprintf(&b, "  directory: %s\n", todo(quoted(o.Directory), "/opt/your-app"))
	fmt.Fprintf(&b, "  files: [%s]\n", quoted(filepath.ToSlash(path)))
	b.WriteString("  env_store: auto\n  services:\n")
	for _, s := range released {
		fmt.Fprintf(&b, "    %s: {image_env: %s}\n", s.name, s.variable)
	}
	b.WriteString("health: {checks: [\"https://api.yourdomain.com/health\"], every: 10s, attempts: 12}   # TODO\n")
	b.WriteString("smoke:\n  http: [{url: \"https://api.yourdomain.com/health\"}]   # TODO\n")
	b.WriteString("on_failure: {unmigrated: rollback, migrated: ask}\n")
	b.WriteString("escalation: {lead: \"TODO\"}   # TODO: who decides when a migration is applied and the release " +
		"fails\n")
	return b.String()
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(ui.Clean(s)) + `"`
}

// patchText shows how a fixed image becomes a variable.
func patchText(path string, fixed []service) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nthese services have a fixed image; a release can only replace one that is a variable. If it "+
		"is to be released, change %s:\n", ui.Clean(path))
	for _, s := range fixed {
		image := ui.Clean(s.image)
		fmt.Fprintf(&b, "\n   services:\n     %s:\n-      image: %s\n+      image: ${%s:-%s}\n", s.name, image,
			variableFor(s.name), image)
	}
	b.WriteString("\n")
	return b.String()
}

// variableFor is the runbook's name for a service's image.
func variableFor(service string) string {
	upper := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(service))
	if upper != "" && upper[0] >= '0' && upper[0] <= '9' {
		upper = "_" + upper
	}
	return upper + "_IMAGE"
}
