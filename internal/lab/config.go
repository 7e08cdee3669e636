package lab

import (
	"fmt"
	"os"
	"strings"
	"text/template"
)

// ConfigOptions say what a fairlead.yaml is to say where it differs from a
// deployment over ssh that looks every second.
type ConfigOptions struct {
	// Hosts are the target's hosts; nil means the lab's, over ssh. []string{"local"} is without ssh.
	Hosts []string
	// ReleasePath is where releases are read from; empty means the stack's own
	// folder, with one folder for each tag that was published.
	ReleasePath string
	// BackupDir is the backup store; empty means ./backups beside the file.
	BackupDir string
	// DatabaseURL goes in as it is; empty means ${PROD_DB_URL}, which Stack.Env sets.
	DatabaseURL string
	// Every and Attempts are the health window; empty means 1s and 12.
	Every    string
	Attempts int
	// Unmigrated and Migrated are on_failure's; empty means rollback and ask.
	Unmigrated string
	Migrated   string
	// HealthURLs and SmokeURLs replace those of the sample application.
	HealthURLs []string
	SmokeURLs  []string
	// NotifyURL replaces ${SLACK_WEBHOOK}.
	NotifyURL string
	// Services are the target's services; nil means api, worker and web.
	Services []string
	// Extra is appended as it is: top-level YAML.
	Extra string
}

const configText = `# fairlead.yaml
app: {{.App}}
environment: production
release: {source: file, path: {{.O.ReleasePath}}}
registry: {plain_http: ["{{.Registry}}"]}
approval: {from: none, reason: "two-person team, trial period"}
database: {url: "{{.O.DatabaseURL}}", via: direct, lock_timeout: 2s}
backup: {store: {kind: dir, path: {{.O.BackupDir}}, durable: true}}
target:
  kind: compose
  hosts: [{{.Hosts}}]
{{- if .SSH}}
  ssh: {identity_file: {{.Identity}}, known_hosts: {{.Known}}}
{{- end}}
  directory: {{.Dir}}
  files: [infra/docker-compose.prod.yml]
  env_store: auto
  services:
{{- range .O.Services}}
    {{.}}: {image_env: {{upper .}}_IMAGE}
{{- end}}
health: {checks: [{{.Health}}], every: {{.O.Every}}, attempts: {{.O.Attempts}}}
smoke:
  http: [{{.Smoke}}]
record: {notify: [{kind: slack, url: "{{.O.NotifyURL}}"}]}
on_failure: {unmigrated: {{.O.Unmigrated}}, migrated: {{.O.Migrated}}}
escalation: {lead: "lab lead"}
{{.O.Extra}}`

// WriteConfig writes a fairlead.yaml for this stack.
func (s *Stack) WriteConfig(path string, o ConfigOptions) error {
	o = o.filled(s)
	ssh := false
	for _, h := range o.Hosts {
		ssh = ssh || strings.HasPrefix(h, "ssh://")
	}
	t, err := template.New("config").Funcs(template.FuncMap{"upper": strings.ToUpper}).Parse(configText)
	if err != nil {
		return err
	}
	var smoke []string
	for _, u := range o.SmokeURLs {
		smoke = append(smoke, fmt.Sprintf("{url: %q}", u))
	}
	var text strings.Builder
	err = t.Execute(&text, map[string]any{
		"App": s.App, "Registry": s.Lab.RegistryHost, "O": o,
		"Hosts": quoted(o.Hosts), "SSH": ssh,
		"Identity": s.Lab.IdentityFile, "Known": s.Lab.KnownHosts, "Dir": s.Dir,
		"Health": quoted(o.HealthURLs), "Smoke": strings.Join(smoke, ", "),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}

func (o ConfigOptions) filled(s *Stack) ConfigOptions {
	if o.Hosts == nil {
		o.Hosts = []string{s.Lab.SSHURL(s.Lab.SSHPort)}
	}
	if o.Attempts == 0 {
		o.Attempts = 12
	}
	if o.Services == nil {
		o.Services = services
	}
	if o.HealthURLs == nil {
		o.HealthURLs = []string{s.APIURL + "/health"}
	}
	if o.SmokeURLs == nil {
		o.SmokeURLs = []string{s.APIURL + "/health", s.WebURL + "/api/health"}
	}
	for _, d := range []struct {
		at    *string
		value string
	}{
		{&o.ReleasePath, s.releases()}, {&o.BackupDir, "./backups"}, {&o.DatabaseURL, "${PROD_DB_URL}"},
		{&o.Every, "1s"},
		{&o.Unmigrated, "rollback"}, {&o.Migrated, "ask"}, {&o.NotifyURL, "${SLACK_WEBHOOK}"},
	} {
		if *d.at == "" {
			*d.at = d.value
		}
	}
	return o
}

// SSHURL is the host as fairlead.yaml names it, reached through this port.
func (l *Lab) SSHURL(port int) string {
	return fmt.Sprintf("ssh://%s@%s:%d", l.SSHUser, l.SSHHost, port)
}

// Env lists the variables that a fairlead.yaml of this stack expects, and Lab.Env's.
func (s *Stack) Env() []string {
	return append(s.Lab.Env(), "PROD_DB_URL="+s.DatabaseURL)
}

func quoted(all []string) string {
	var q []string
	for _, a := range all {
		q = append(q, fmt.Sprintf("%q", a))
	}
	return strings.Join(q, ", ")
}
