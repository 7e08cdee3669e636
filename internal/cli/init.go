package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"fairlead/internal/atomicfile"
	"fairlead/internal/fault"
	"fairlead/internal/ui"
)

type initOptions struct {
	file        string
	app         string
	environment string
	host        string
	directory   string
	force       bool
}

func (a *app) initCommand() *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:   "init",
		Short: "Write fairlead.yaml from your compose file",
		Long: `Reads the compose file and writes a fairlead.yaml for the services whose image is a variable. For the others it prints the patch that
makes it one. Nothing else is touched; what must still be filled in is marked in the file.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runInit(c.Context(), a, o) },
	}
	f := c.Flags()
	f.StringVarP(&o.file, "file", "f", "", "the compose file; found by its usual names otherwise")
	f.StringVar(&o.app, "app", "", "name of the app; the name of this folder otherwise")
	f.StringVar(&o.environment, "environment", "production", "name of the environment")
	f.StringVar(&o.host, "host", "", "where it runs: local, or ssh://user@host:22")
	f.StringVar(&o.directory, "directory", "", "the folder of the project on the host")
	f.BoolVar(&o.force, "force", false, "write over an existing file")
	return c
}

// runInit writes the configuration.
func runInit(_ context.Context, a *app, o initOptions) error {
	if _, err := os.Lstat(a.configPath); err == nil && !o.force {
		return &fault.Fault{Code: "config-exists", What: a.configPath + " exists already", Means: "nothing was written; production is unchanged", Outcome: fault.Misused,
			Do: []fault.Command{{Line: "fairlead check", Why: "tests it"}, {Line: "fairlead init --force", Why: "writes over it"}}}
	}
	stack, err := readStack(o.file)
	if err != nil {
		return err
	}
	if err := o.fill(); err != nil {
		return err
	}
	ready, literal := stack.sort()
	if len(ready) > 0 {
		if err := atomicfile.Write(a.configPath, []byte(configText(o, stack.path, ready)), 0o644); err != nil {
			return err
		}
		a.answer("wrote %s: %s", a.configPath, plain(strings.Join(serviceNames(ready), ", ")))
	}
	if len(literal) > 0 {
		fmt.Fprint(a.Out, patchText(stack.path, literal))
	}
	if len(ready) == 0 {
		return &fault.Fault{Code: "no-image-variable", What: "no service of " + ui.Clean(stack.path) + " takes its image from a variable", Outcome: fault.Misused,
			Means: "nothing was written; production is unchanged", Do: []fault.Command{{Line: "fairlead init", Why: "again, once the patch above is applied"}}}
	}
	a.answer("next: fill in what is marked TODO, then fairlead check")
	return nil
}

// fill finds what the flags leave open.
func (o *initOptions) fill() error {
	if o.app == "" {
		dir, err := os.Getwd()
		if err != nil {
			return err
		}
		o.app = wordOf(filepath.Base(dir))
	}
	return nil
}

// wordOf makes a name that the configuration takes of a folder's name.
func wordOf(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, s)
	s = strings.TrimLeft(s, "._-")
	return or(s[:min(len(s), 64)], "app")
}

func serviceNames(all []stackService) []string {
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	return names
}

// configText is the new file. It is written by hand rather than encoded, so that it explains itself.
func configText(o initOptions, path string, ready []stackService) string {
	var b strings.Builder
	todo := func(set, otherwise string) string {
		if set == "" {
			return otherwise + "   # TODO"
		}
		return set
	}
	fmt.Fprintf(&b, "# fairlead.yaml, made from %s. docs/configuration.md explains every key.\n", ui.Clean(path))
	fmt.Fprintf(&b, "app: %s\nenvironment: %s\n", o.app, o.environment)
	b.WriteString("release:  {source: file, path: release.json}\n")
	b.WriteString("approval: {from: none, reason: \"TODO: why nobody else approves\"}   # TODO\n")
	b.WriteString("database: {url: \"${PROD_DB_URL}\", via: direct, lock_timeout: 2s}   # remove it, and backup, if there is no database\n")
	b.WriteString("backup:   {store: {kind: dir, path: ./backups}}\n")
	b.WriteString("target:\n  kind: compose\n  hosts:\n")
	fmt.Fprintf(&b, "    - %s\n", todo(quoted(o.host), `"ssh://deploy@203.0.113.7:22"`))
	fmt.Fprintf(&b, "  directory: %s\n", todo(quoted(o.directory), "/opt/your-app"))
	fmt.Fprintf(&b, "  files: [%s]\n", quoted(filepath.ToSlash(path)))
	b.WriteString("  env_store: auto\n  services:\n")
	for _, s := range ready {
		fmt.Fprintf(&b, "    %s: {image_env: %s}\n", s.name, s.variable)
	}
	b.WriteString("health: {checks: [\"https://api.yourdomain.com/health\"], every: 10s, attempts: 12}   # TODO\n")
	b.WriteString("smoke:\n  http: [{url: \"https://api.yourdomain.com/health\"}]   # TODO\n")
	b.WriteString("on_failure: {unmigrated: rollback, migrated: ask}\n")
	b.WriteString("escalation: {lead: \"TODO\"}   # TODO: who decides when a migration is applied and the release fails\n")
	return b.String()
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(ui.Clean(s)) + `"`
}

// patchText shows how a literal image becomes a variable.
func patchText(path string, literal []stackService) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nthese services have a fixed image; a release can only replace one that is a variable. If it is to be released, change %s:\n", ui.Clean(path))
	for _, s := range literal {
		image := ui.Clean(s.image)
		fmt.Fprintf(&b, "\n   services:\n     %s:\n-      image: %s\n+      image: ${%s:-%s}\n", s.name, image, variableFor(s.name), image)
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

var errNoStack = errors.New("none of the usual names is there")
