package host

import (
	"strings"
	"testing"
)

func TestParseAddress_reads_what_it_writes(t *testing.T) {
	for in, want := range map[string]Address{
		"local":                          {Local: true},
		"ssh://deploy@203.0.113.7:22":    {User: "deploy", Host: "203.0.113.7", Port: 22},
		"ssh://prod":                     {Host: "prod"},
		"ssh://deploy@prod.example/":     {User: "deploy", Host: "prod.example"},
		"ssh://deploy@[2001:db8::1]:222": {User: "deploy", Host: "2001:db8::1", Port: 222},
	} {
		got, err := ParseAddress(in)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", in, got, err, want)
		}
		if again, err := ParseAddress(got.String()); err != nil || again != got {
			t.Errorf("%s was written as %s and read as %+v, %v", in, got, again, err)
		}
	}
}

func TestParseAddress_refuses_what_ssh_could_misread(t *testing.T) {
	for _, in := range []string{"", "prod", "ssh://", "http://prod", "ssh:prod", "ssh://-oProxyCommand=id@prod",
		"ssh://-oProxyCommand=id",
		"ssh://deploy:secret@prod", "ssh://prod/path", "ssh://prod?x", "ssh://prod:0", "ssh://prod:99999",
		"ssh://pr od", "ssh://a;b", "local:22"} {
		a, err := ParseAddress(in)
		if err == nil {
			t.Errorf("%q was taken as %+v", in, a)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error holds the password: %v", in, err)
		}
	}
}

// FuzzParseAddress: what is taken never looks like an option.
func FuzzParseAddress(f *testing.F) {
	f.Add("ssh://deploy@203.0.113.7:22")
	f.Add("ssh://%2doProxy@x")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if strings.HasPrefix(a.Host, "-") || strings.HasPrefix(a.User, "-") ||
			strings.ContainsAny(a.Host+a.User, " \n\x00'\"$`;") {
			t.Fatalf("%q was taken as %+v", s, a)
		}
	})
}
