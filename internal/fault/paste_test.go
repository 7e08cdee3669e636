package fault

import (
	"os/exec"
	"testing"
)

func TestWord_is_one_word_for_a_shell(t *testing.T) {
	for _, s := range []string{"v1.8.0", "a b", "it's", "", "$HOME", "~", "*", "a;b", "-n", "migrations/0001+x,y.sql",
		"ü", "a\nb", `"`, `\`, "#", "!x"} {
		got, err := exec.Command("sh", "-c", "printf %s "+Word(s)).Output()
		if s == "-n" {
			got, err = exec.Command("sh", "-c", "printf -- "+Word(s)).Output()
		}
		if err != nil || string(got) != s {
			t.Errorf("%q: %s is read as %q (%v)", s, Word(s), got, err)
		}
	}
	if got := Word("a b'c$(x)"); got != `'a b'\''c$(x)'` {
		t.Errorf("got %s", got)
	}
	if got := Word("migrations/0001_orders.sql"); got != "migrations/0001_orders.sql" {
		t.Errorf("what needs no quotes has them: %s", got)
	}
}

func TestClip_counts_characters(t *testing.T) {
	for s, want := range map[string]string{"": "", "abc": "abc", "abcd": "abc…", "äöü": "äöü", "äöüß": "äöü…"} {
		if got := Clip(s, 3); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}
