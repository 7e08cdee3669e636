package release

import (
	"strings"
	"testing"
)

const commandFile = `{"schema": "fairlead.release/v1", "app": "shop", "tag": "v1",
  "commit": "0123456789012345678901234567890123456789",
  "images": {"api": "r.example/o/api@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
  "migration": $M}`

func TestParse_takes_a_command_bound_to_its_files(t *testing.T) {
	sum := strings.Repeat("b", 64)
	r, err := Parse(strings.NewReader(strings.Replace(commandFile, "$M",
		`{"command": ["./efbundle", "--verbose", "a b"], "files": {"efbundle": "`+sum+`"}}`, 1)))
	if err != nil || !r.Migration.Commanded() || len(r.Migration.SHA256) != 64 ||
		r.Migration.Line() != "./efbundle --verbose 'a b'" {
		t.Fatalf("%+v, %v", r.Migration, err)
	}
	b, err := r.JSON()
	if err != nil || strings.Contains(string(b), `"file":`) {
		t.Fatalf("%s, %v", b, err)
	}
	again, err := Parse(strings.NewReader(string(b)))
	if err != nil || again.Migration.SHA256 != r.Migration.SHA256 {
		t.Errorf("read back: %+v, %v", again.Migration, err)
	}
	other, err := CommandSum(r.Migration.Command, map[string]string{"efbundle": strings.Repeat("c", 64)})
	if err != nil || other == r.Migration.SHA256 {
		t.Errorf("another file is the same migration: %s, %v", other, err)
	}
}

func TestParse_refuses_a_command_that_cannot_be_meant(t *testing.T) {
	sum := `"` + strings.Repeat("b", 64) + `"`
	for claim, m := range map[string]string{
		"file and command":       `{"file": "a.sql", "command": ["x"], "sha256": ` + sum + `}`,
		"files without command":  `{"file": "a.sql", "files": {"x": ` + sum + `}, "sha256": ` + sum + `}`,
		"a file outside":         `{"command": ["x"], "files": {"../x": ` + sum + `}}`,
		"an absolute file":       `{"command": ["x"], "files": {"/x": ` + sum + `}}`,
		"a file without its sum": `{"command": ["x"], "files": {"x": ""}}`,
		"another sum":            `{"command": ["x"], "sha256": ` + sum + `}`,
		"no program":             `{"command": [" "]}`,
		"a NUL":                  `{"command": ["x\u0000y"]}`,
		"an empty command":       `{"command": []}`,
	} {
		if r, err := Parse(strings.NewReader(strings.Replace(commandFile, "$M", m, 1))); err == nil {
			t.Errorf("%s: taken as %+v", claim, r.Migration)
		}
	}
}

func TestCall_names_every_file_that_the_hash_is_over(t *testing.T) {
	m := Migration{Command: []string{"./tool.sh", "ok"},
		Files: map[string]string{"tool.sh": "", "up.sql": "", "a b.sql": ""}}
	if got := m.Call(); got != "--with 'a b.sql' --with up.sql -- ./tool.sh ok" {
		t.Errorf("got %s", got)
	}
}
