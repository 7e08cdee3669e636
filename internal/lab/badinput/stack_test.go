//go:build real

package badinput

import (
	"os"
	"strings"
	"testing"

	"fairlead/internal/lab"
)

func TestBadInput_on_the_host_is_refused_with_nothing_changed(t *testing.T) {
	s := running(t, lab.StackOptions{App: "badstack"}, lab.ConfigOptions{})
	refuse(t, s, lab.ConfigOptions{}, append(stackCases(), envCases()...))
}

func stackCases() []refusal {
	return []refusal{
		{"another project", func(a *attempt) { a.edit("  env_store: auto", "  project: other\n  env_store: auto") }, 3,
			"other-project", "badstack"},
		{"another directory with the same files", func(a *attempt) {
			other := a.site.Dir + "-copy"
			a.host("cp -a " + a.site.Dir + " " + other + " && rm -rf " + other + "/.fairlead")
			a.Cleanup(func() { a.host("rm -rf " + other) })
			a.edit("directory: "+a.site.Dir, "directory: "+other)
		}, 3, "check-failed", "runs in the project badstack"},
		{"other files", func(a *attempt) {
			a.host("cp -a " + a.site.ComposePath + " " + a.site.Dir + "/infra/other.yml")
			a.Cleanup(func() { a.host("rm " + a.site.Dir + "/infra/other.yml") })
			a.edit("files: [infra/docker-compose.prod.yml]", "files: [infra/other.yml]")
		}, 3, "other-project", "other.yml"},
		{"no compose file", func(a *attempt) {
			a.edit("files: [infra/docker-compose.prod.yml]", "files: [infra/nowhere.yml]")
		}, 3, "no-compose-file", "nowhere.yml"},
		{"a compose file that is no YAML", func(a *attempt) { a.compose("services:", "services: [") }, 3,
			"compose-config", ""},
		{"a literal image", func(a *attempt) { a.compose("image: ${API_IMAGE}", "image: nginx:1.27") }, 3,
			"image-not-from-key", "image: ${API_IMAGE}"},
		{"a service of the configuration that the stack does not have", func(a *attempt) {
			a.compose("  worker:\n", "  jobs:\n")
		}, 3, "check-failed", "no service worker"},
		{"an env_file on the same file", func(a *attempt) {
			a.compose("    restart: unless-stopped\n", "    env_file: [.env]\n    restart: unless-stopped\n")
		}, 3, "shared-env-file", "app.env"},
		{"a variable that is not set", func(a *attempt) { a.compose(`"${GREETING}"`, `"${GREETINGS}"`) }, 3,
			"unset-variable", "GREETINGS"},
		{"no such directory", func(a *attempt) { a.edit("directory: "+a.site.Dir, "directory: /opt/nowhere") }, 3,
			"check-failed", "there is no compose file /opt/nowhere"},
		{"a directory that the deploy user may not write", func(a *attempt) {
			a.host("chmod 555 " + a.site.Dir + "/infra")
			a.Cleanup(func() { a.host("chmod 755 " + a.site.Dir + "/infra") })
		}, 3, "not-writable", "infra"},
		{"the registry is stopped", func(a *attempt) { a.away(lab.Registry) }, 3, "registry-unreachable", "refused"},
	}
}

func envCases() []refusal {
	return []refusal{
		{"an .env of somebody else", func(a *attempt) {
			a.host("chown root:deploy " + a.site.EnvPath + " && chmod 640 " + a.site.EnvPath)
			a.Cleanup(func() { a.host("chown deploy:deploy " + a.site.EnvPath + " && chmod 600 " + a.site.EnvPath) })
		}, 3, "not-writable", "keep its owner"},
		{"an .env that the deploy user may not read", func(a *attempt) {
			a.host("chown root:root " + a.site.EnvPath)
			a.Cleanup(func() { a.host("chown deploy:deploy " + a.site.EnvPath) })
		}, 3, "unreadable", "Permission denied"},
		{"an .env with the same key twice", func(a *attempt) {
			a.envFile(func(s string) string { return s + "API_IMAGE=x\n" })
		}, 3, "env-key", "API_IMAGE"},
		{"an .env that is a symbolic link", func(a *attempt) {
			a.host("cd " + a.site.Dir + "/infra && mv .env real.env && ln -s real.env .env")
			a.Cleanup(func() { a.host("cd " + a.site.Dir + "/infra && mv real.env .env") })
		}, 3, "env-file-link", "link"},
		{"an .env with a line that is none", func(a *attempt) {
			a.envFile(func(s string) string { return s + "OPEN='never closed\n" })
		}, 3, "env-file", ""},
	}
}

// compose edits the compose file, and puts it back.
func (a *attempt) compose(old, new string) {
	a.Helper()
	a.restored(a.site.ComposePath)
	a.replace(a.site.ComposePath, old, new)
}

// envFile edits the .env, and puts it back.
func (a *attempt) envFile(edit func(string) string) {
	a.Helper()
	a.write(a.site.EnvPath, edit(a.restored(a.site.EnvPath)))
}

// restored gives a file's content, which is put back in the end.
func (a *attempt) restored(name string) string {
	a.Helper()
	text, err := os.ReadFile(name)
	must(a.T, err)
	a.Cleanup(func() { must(a.T, os.WriteFile(name, text, 0o600)) })
	return string(text)
}

func TestBadInput_an_engine_that_is_stopped_is_refused_with_nothing_changed(t *testing.T) {
	s := running(t, lab.StackOptions{App: "badengine"}, lab.ConfigOptions{})
	refuse(t, s, lab.ConfigOptions{}, []refusal{
		{"the engine is stopped", func(a *attempt) { a.away(lab.Docker) }, 3, "no-engine", "Docker"},
	})
}

func TestEnvFile_keeps_every_other_byte_owner_and_mode(t *testing.T) {
	for name, text := range map[string]string{
		"comments, quotes and blanks": "# by hand\n\nGREETING=\"hello # there\"\nSECRET='a=b c'\n" +
			"export PATHS=/x:/y   # not a value\n",
		"Windows line ends":     "GREETING=hello\r\n# note\r\n",
		"no newline at the end": "GREETING=hello",
		"keys in the middle":    "A=1\nAPI_IMAGE=\nGREETING=hello\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := bare(t, lab.StackOptions{App: "env" + strings.ToLower(strings.Map(letters, name))[:6]})
			must(t, os.WriteFile(s.EnvPath, []byte(text), 0o600))
			must(t, os.Chmod(s.EnvPath, 0o640))
			got := s.run(t, s.operator(t, lab.ConfigOptions{}), nil, "deploy", "v1.0.0", "--yes")
			if got.exit != 0 {
				t.Fatalf("exit %d\n%s", got.exit, got.said)
			}
			after, err := os.ReadFile(s.EnvPath)
			must(t, err)
			if got := withoutImages(string(after)); got != withoutImages(text) {
				t.Errorf("the .env was\n%q\nand is\n%q", text, after)
			}
			out, err := s.Lab.HostCommand(patience(t), "stat", "-c", "%U %a", s.EnvPath).CombinedOutput()
			must(t, err)
			if string(out) != "deploy 640\n" {
				t.Errorf("owner and mode are %q", out)
			}
			if strings.Count(string(after), "API_IMAGE=") != 1 ||
				!strings.Contains(string(after), s.now.Images["api"]) {
				t.Errorf("the image of api is not there once:\n%s", after)
			}
		})
	}
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return -1
}

// withoutImages drops the lines of image keys, and the line end that a last line without one is given.
func withoutImages(s string) string {
	var kept strings.Builder
	for l := range strings.Lines(s) {
		if name, _, _ := strings.Cut(l, "="); !strings.HasSuffix(name, "_IMAGE") {
			kept.WriteString(l)
		}
	}
	return strings.TrimSuffix(kept.String(), "\n")
}

func TestEnvFile_that_is_missing_is_made_for_its_owner_alone(t *testing.T) {
	s := bare(t, lab.StackOptions{App: "envnone",
		Compose: strings.ReplaceAll(lab.ComposeFile, `"${GREETING}"`, "hello")})
	must(t, os.Remove(s.EnvPath))
	got := s.run(t, s.operator(t, lab.ConfigOptions{}), nil, "deploy", "v1.0.0", "--yes")
	if got.exit != 0 {
		t.Fatalf("exit %d\n%s", got.exit, got.said)
	}
	out, err := s.Lab.HostCommand(patience(t), "stat", "-c", "%U %a", s.EnvPath).CombinedOutput()
	must(t, err)
	if string(out) != "deploy 600\n" {
		t.Errorf("owner and mode are %q", out)
	}
}
