package stack

import (
	"strings"
	"testing"
	"text/template"

	"encoding/json"
)

// The docker command gives a format the raw answer of the engine, where a container without a health check has no key
// Health, and takes a missing key for an error.
func TestInspectFormat_reads_a_container_without_a_health_check(t *testing.T) {
	raw := `{"Id":"c","Image":"i","RestartCount":0,"Config":{"Image":"x","Labels":{}},"State":{"Status":"running",` +
		`"StartedAt":"2026-11-24T20:00:00Z","ExitCode":0%s}}`
	for health, want := range map[string]string{"": "", `,"Health":{"Status":"starting"}`: "starting"} {
		text := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		}})
		var answer any
		if err := json.Unmarshal([]byte(strings.Replace(raw, "%s", health, 1)), &answer); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := template.Must(text.Parse(inspectFormat)).Execute(&out, answer); err != nil {
			t.Fatal(err)
		}
		var c struct{ Health, State string }
		if err := json.Unmarshal([]byte(out.String()), &c); err != nil || c.Health != want || c.State != "running" {
			t.Errorf("with %q: %+v, %v from %s", health, c, err, out.String())
		}
	}
}
