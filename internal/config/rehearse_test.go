package config

import (
	"strings"
	"testing"
)

const rehearsable = "app: a\nenvironment: e\nledger: {kind: dir, path: l}\n" +
	"database: {url: \"postgres://u@h/d\"}\nbackup: {store: {kind: dir, path: b}}\n"

func TestRehearse_is_a_word_or_a_mapping(t *testing.T) {
	for claim, c := range map[string]struct{ text, mode, server, says string }{
		"nothing is off":        {"", "off", "local", ""},
		"the word off":          {"rehearse: off", "off", "local", ""},
		"the word full":         {"rehearse: full", "full", "local", ""},
		"a mapping":             {"rehearse: {mode: schema, server: production}", "schema", "production", ""},
		"a URL from a variable": {"rehearse: {mode: full, server: \"${SCRATCH}\"}", "full", "postgres://set", ""},
		"another word": {"rehearse: ful", "", "",
			"rehearse.mode must be off, schema or full, got \"ful\"; did you mean \"full\"?"},
		"a mapping without a mode": {"rehearse: {server: local}", "", "", "rehearse.mode is missing"},
		"a server that is no place": {"rehearse: {mode: full, server: staging}", "", "",
			"rehearse.server must be local, production, or a URL"},
		"a list":                    {"rehearse: [full]", "", "", "rehearse must be a mapping"},
		"a check without a command": {"rehearse: {mode: full, smoke: {old: {}}}", "", "", "command is missing"},
	} {
		got, err := parse([]byte(rehearsable+c.text+"\n"),
			&origin{file: "f", dir: "/", env: func(string) (string, bool) { return "postgres://set", true }})
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: it says %v, want %q", claim, err, c.says)
			}
			continue
		}
		if err != nil || got.Rehearse.Mode != c.mode || got.Rehearse.Server.Reveal() != c.server {
			t.Errorf("%s: got %q at %q, %v", claim, got.Rehearse.Mode, got.Rehearse.Server.Reveal(), err)
		}
	}
}

func TestRehearse_needs_a_database_and_a_store(t *testing.T) {
	_, err := parse([]byte("app: a\nenvironment: e\nledger: {kind: dir, path: l}\nrehearse: full\n"),
		&origin{file: "f", dir: "/"})
	if err == nil || !strings.Contains(err.Error(), "f:4:11: rehearse needs database and backup.store") {
		t.Errorf("it says %v", err)
	}
}
