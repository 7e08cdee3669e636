package stack

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

const newImage = "registry.example/api@sha256:0123"

func TestSet_replaces_one_value_and_keeps_every_other_byte(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"a bare value":                       {"A=1\nAPI_IMAGE=old\nB=2\n", "A=1\nAPI_IMAGE=NEW\nB=2\n"},
		"the last line has no line break":    {"A=1\nAPI_IMAGE=old", "A=1\nAPI_IMAGE=NEW"},
		"a comment behind the value stays":   {"API_IMAGE=old  # from ci\nB=2", "API_IMAGE=NEW  # from ci\nB=2"},
		"carriage returns stay":              {"API_IMAGE=old\r\nB=2\r\n", "API_IMAGE=NEW\r\nB=2\r\n"},
		"double quotes stay":                 {`API_IMAGE="old" # x` + "\n", `API_IMAGE="NEW" # x` + "\n"},
		"single quotes stay":                 {"API_IMAGE='old'\n", "API_IMAGE='NEW'\n"},
		"export and blanks stay":             {"export  API_IMAGE =  old\n", "export  API_IMAGE =  NEW\n"},
		"the colon form stays":               {"API_IMAGE: old\n", "API_IMAGE: NEW\n"},
		"an empty value":                     {"API_IMAGE=\nB=2\n", "API_IMAGE=NEW\nB=2\n"},
		"a byte order mark stays":            {"\ufeffAPI_IMAGE=old\n", "\ufeffAPI_IMAGE=NEW\n"},
		"a value with variables is replaced": {"API_IMAGE=$REG/api:${TAG}\n", "API_IMAGE=NEW\n"},
		"the key inside quotes is not one": {"CERT=\"line\nAPI_IMAGE=x\nend\"\nAPI_IMAGE=old\n",
			"CERT=\"line\nAPI_IMAGE=x\nend\"\nAPI_IMAGE=NEW\n"},
		"the key in a comment is not one": {"# API_IMAGE=x\nAPI_IMAGE=old\n", "# API_IMAGE=x\nAPI_IMAGE=NEW\n"},
		"a longer key is not it": {"MY_API_IMAGE=x\nAPI_IMAGE_OLD=y\nAPI_IMAGE=old\n",
			"MY_API_IMAGE=x\nAPI_IMAGE_OLD=y\nAPI_IMAGE=NEW\n"},
		"a missing key is appended":           {"A=1\n", "A=1\nAPI_IMAGE=NEW\n"},
		"appended behind an unfinished line":  {"A=1", "A=1\nAPI_IMAGE=NEW\n"},
		"appended with the file's own breaks": {"A=1\r\nB=2", "A=1\r\nB=2\r\nAPI_IMAGE=NEW\r\n"},
		"an empty file":                       {"", "API_IMAGE=NEW\n"},
		"escaped quotes do not end a value":   {`P="a\"b"` + "\nAPI_IMAGE=old\n", `P="a\"b"` + "\nAPI_IMAGE=NEW\n"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			f, err := ParseEnv([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.Set("API_IMAGE", newImage)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.ReplaceAll(c.want, "NEW", newImage); string(got) != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestSet_refuses_a_key_that_cannot_be_replaced_safely(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"twice":                    {"API_IMAGE=a\nB=1\nAPI_IMAGE=b\n", ErrDuplicate},
		"twice, once exported":     {"export API_IMAGE=a\nAPI_IMAGE=b\n", ErrDuplicate},
		"without a value":          {"API_IMAGE\nB=1\n", ErrInherited},
		"without a value, at last": {"B=1\nAPI_IMAGE", ErrInherited},
	} {
		f, err := ParseEnv([]byte(c.in))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := f.Set("API_IMAGE", newImage); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	f, _ := ParseEnv(nil)
	for _, v := range []string{"", "a b", "a\nB=1", "$(x)", `a"b`, "a#b", "a'b", "a\\b"} {
		if _, err := f.Set("API_IMAGE", v); err == nil {
			t.Errorf("the value %q was taken", v)
		}
	}
}

func TestParseEnv_refuses_what_compose_cannot_read(t *testing.T) {
	for _, in := range []string{"A=\"x\nB=1\n", "A='", "my key=1\n", "A!=1\n", "é\xff=1\n",
		strings.Repeat("A=1\n", MaxEnv/4+1)} {
		if _, err := ParseEnv([]byte(in)); !errors.Is(err, ErrEnvFile) {
			t.Errorf("%.20q: %v, want %v", in, err, ErrEnvFile)
		}
	}
}

func TestValue_is_that_of_the_last_one(t *testing.T) {
	f, err := ParseEnv([]byte("A=1\nA='2' \nB\n"))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := f.Value("A"); v != "2" || !ok {
		t.Errorf("A is %q, %v; want the last, 2", v, ok)
	}
	if v, ok := f.Value("B"); ok {
		t.Errorf("B has the value %q, want none of its own", v)
	}
}

// FuzzSet: whatever the file, a replaced key has the new value, everything before and behind it is as it was, and
// nothing panics.
func FuzzSet(f *testing.F) {
	for _, s := range []string{"A=1\nAPI_IMAGE=old\n", "API_IMAGE=\"a\nb\"", "export API_IMAGE: x #y",
		"\ufeff\r\nAPI_IMAGE='", "API_IMAGE"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		e, err := ParseEnv(in)
		if err != nil {
			return
		}
		out, err := e.Set("API_IMAGE", newImage)
		if err != nil {
			return
		}
		again, err := ParseEnv(out)
		if err != nil {
			t.Fatalf("%q became unreadable %q: %v", in, out, err)
		}
		if v, _ := again.Value("API_IMAGE"); v != newImage {
			t.Fatalf("%q became %q, where the key is %q", in, out, v)
		}
		if i := bytes.Index(out, []byte(newImage)); i < 0 || !bytes.HasPrefix(in, out[:min(i, len(in))]) &&
			len(again.entries) == len(e.entries) {
			t.Fatalf("%q became %q", in, out)
		}
		for i, n := range e.Names() {
			if again.Names()[i] != n {
				t.Fatalf("the keys %q became %q", e.Names(), again.Names())
			}
		}
	})
}
