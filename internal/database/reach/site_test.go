package reach

import (
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/wire"
)

func TestInside_a_secret_is_in_no_argument_and_no_environment_and_leaves_no_file(t *testing.T) {
	const secret = `*:*:*:*:pa\:ss\\ "$x`
	e, in := inside("1f", wire.Exec{Argv: []string{"sh", "-c", `cat "$WHERE"; stat -Lc %a "$WHERE"; cat; tr '\0' ` +
		`'\n' </proc/$$/environ | grep -c "pa\\\\:ss"; ls -A /dev/shm /tmp | grep -c "^.fairlead-$$\$"`},
		Secret: []byte(secret + "\n"), SecretVar: "WHERE"}, strings.NewReader("the rest\n"))
	if strings.Contains(strings.Join(e.Argv, " "), secret) || len(e.Secret) > 0 {
		t.Fatalf("%q", e)
	}
	at := slices.Index(e.Argv, "1f")
	if !slices.Equal(e.Argv[:at], []string{"docker", "exec", "-i"}) {
		t.Fatalf("%q", e.Argv)
	}
	cmd := exec.Command(e.Argv[at+1], e.Argv[at+2:]...)
	cmd.Stdin = in
	out, _ := cmd.CombinedOutput()
	if want := secret + "\n600\nthe rest\n0\n0\n"; string(out) != want {
		t.Errorf("%s\nwant\n%s", out, want)
	}
	if left, _ := filepath.Glob(filepath.Join("/dev/shm", ".fairlead-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestInside_closing_the_input_closes_what_it_was_given(t *testing.T) {
	r, w := io.Pipe()
	_, in := inside("1f", wire.Exec{Argv: []string{"x"}, Secret: []byte("s"), SecretVar: "V"}, r)
	if err := in.(io.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("it is open still")
	}
	_, in = inside("1f", wire.Exec{Argv: []string{"x"}, Secret: []byte("s"), SecretVar: "V"}, nil)
	if b, err := io.ReadAll(in); err != nil || string(b) != "s\n" {
		t.Errorf("%q, %v", b, err)
	}
}
