//go:build real

package badinput

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/lab"
)

func TestBadInput_in_files_is_refused_with_nothing_changed(t *testing.T) {
	s := running(t, lab.StackOptions{App: "badfiles"}, lab.ConfigOptions{})
	refuse(t, s, lab.ConfigOptions{}, append(configCases(), releaseCases()...))
}

func configCases() []refusal {
	config := func(a *attempt) string { return filepath.Join(a.dir, "fairlead.yaml") }
	return []refusal{
		{"an unknown key", func(a *attempt) { a.edit("app: badfiles", "app: badfiles\ncolour: blue") }, 1,
			"config-invalid", "colour"},
		{"an unknown key in the target", func(a *attempt) { a.edit("env_store: auto", "env_stor: auto") }, 1,
			"config-invalid", "env_stor"},
		{"a wrong type", func(a *attempt) { a.edit("attempts: 12", "attempts: many") }, 1, "config-invalid",
			"attempts"},
		{"a list where a word belongs", func(a *attempt) { a.edit("app: badfiles", "app: [badfiles]") }, 1,
			"config-invalid", "app"},
		{"a missing variable", func(a *attempt) { a.edit("${PROD_DB_URL}", "${PROD_DB_URI}") }, 1, "config-invalid",
			"PROD_DB_URI"},
		{"an empty file", func(a *attempt) { a.write(config(a), "") }, 1, "config-invalid", ""},
		{"a truncated file", func(a *attempt) {
			text, err := os.ReadFile(config(a))
			must(a.T, err)
			a.write(config(a), string(text[:len(text)/2]))
		}, 1, "config-invalid", ""},
		{"no file", func(a *attempt) { must(a.T, os.Remove(config(a))) }, 1, "config-missing", "fairlead init"},
		{"a YAML bomb", func(a *attempt) {
			bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
			for i := range 9 {
				p, n := string(rune('0'+i)), string(rune('1'+i))
				bomb += "a" + n + ": &a" + n + " [" + strings.Repeat("*a"+p+", ", 8) + "*a" + p + "]\n"
			}
			a.write(config(a), bomb)
		}, 1, "config-invalid", ""},
		{"ten thousand brackets", func(a *attempt) { a.write(config(a), "app: "+strings.Repeat("[", 10000)) }, 1,
			"config-invalid", ""},
		{"binary rubbish", func(a *attempt) { a.write(config(a), "\x00\x01\xff\xfeapp: x") }, 1, "config-invalid", ""},
		{"a service that the release does not have", func(a *attempt) {
			a.edit("web: {image_env: WEB_IMAGE}", "web: {image_env: WEB_IMAGE}\n    mail: {image_env: MAIL_IMAGE}")
		}, 3, "service-without-image", "mail"},
		{"a service that the configuration does not have",
			func(a *attempt) { a.edit("    web: {image_env: WEB_IMAGE}\n", "") }, 3, "service-not-configured", "web"},
	}
}
