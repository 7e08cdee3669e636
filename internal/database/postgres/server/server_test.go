package server

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"fairlead/internal/apply"
	"fairlead/internal/config"
	"fairlead/internal/fault"
)

func TestOpen_refuses_a_URL_that_could_lead_elsewhere_and_never_shows_its_password(t *testing.T) {
	for _, c := range []struct{ name, url, says string }{
		{"nothing", "", "postgres://"},
		{"keywords", "host=h password=hunter2secret", "postgres://"},
		{"another protocol", "mysql://u:hunter2secret@h/d", "postgres://"},
		{"no host", "postgres://u:hunter2secret@/d", "no host"},
		{"no user", "postgres://h/d", "no user"},
		{"no database", "postgres://u:hunter2secret@h", "no database"},
		{"two hosts", "postgres://u:hunter2secret@h1,h2/d", "several hosts"},
		{"two hosts with ports", "postgres://u:hunter2secret@h1:1,h2:2/d", ""},
		{"a service", "postgres://u:hunter2secret@h/d?service=x", "service"},
		{"a bad port", "postgres://u:hunter2secret@h:port/d", ""},
		{"a bad escape", "postgres://u:hunter2secret%zz@h/d", ""},
		{"a slash in the password", "postgres://u:hunter2/secret@h/d", ""},
		{"a bad TLS mode", "postgres://u:hunter2secret@h/d?sslmode=hunter2secret", ""},
		{"a missing certificate", "postgres://u:hunter2secret@h/d?sslmode=verify-full&sslrootcert=/nowhere", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(Config{URL: config.NewSecret(c.url)}, Session{})
			f, ok := fault.Find(err)
			if !ok || f.Code != "database-url" || f.Outcome != fault.Misused {
				t.Fatalf("it gives %v, want a fault of code database-url", err)
			}
			if text := f.Text(); !strings.Contains(text, c.says) || strings.Contains(text, "hunter2") {
				t.Errorf("it says %q", text)
			}
		})
	}
}

func TestOpen_refuses_a_way_that_nobody_has_prepared(t *testing.T) {
	for _, via := range []string{"ssh", "container"} {
		_, err := Open(Config{URL: config.NewSecret("postgres://u@h/d"), Via: via}, Session{})
		if f, ok := fault.Find(err); !ok || f.Code != "database-via" {
			t.Errorf("via %s gives %v, want a fault of code database-via", via, err)
		}
	}
}

func TestConfig_tells_which_key_of_the_way_does_not_fit(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		key    string
	}{
		"direct": {Config{Via: ViaDirect}, ""},
		"ssh":    {Config{Via: ViaSSH, Host: "ssh://a@b"}, ""},
		"a service": {Config{Via: ViaContainer, Container: Container{Service: "db",
			Project: "shop"}}, ""},
		"a name":                     {Config{Via: ViaContainer, Container: Container{Name: "shop-db-1"}}, ""},
		"a container without a name": {Config{Via: ViaContainer}, "container"},
		"service and name": {Config{Via: ViaContainer, Container: Container{Service: "db", Name: "x"}},
			"container"},
		"a container on the direct way": {Config{Via: ViaDirect, Container: Container{Service: "db"}}, "container"},
		"a host on the direct way":      {Config{Via: ViaDirect, Host: "ssh://a@b"}, "host"},
		"a project of a name": {Config{Via: ViaContainer, Container: Container{Name: "x", Project: "y"}},
			"container.project"},
		"a name that is not a word": {Config{Via: ViaContainer, Container: Container{Name: "a b"}},
			"container.name"},
		"a service that looks an option": {Config{Via: ViaContainer, Container: Container{Service: "-x"}},
			"container.service"},
	} {
		if key, err := c.config.Validate(); key != c.key || (err == nil) != (c.key == "") {
			t.Errorf("%s: %q, %v; want %q", name, key, err, c.key)
		}
	}
}

func TestOpen_refuses_a_service_of_the_environment(t *testing.T) {
	t.Setenv("PGSERVICE", "evil")
	if _, err := Open(Config{URL: config.NewSecret("postgres://u:p@h/d")}, Session{}); err == nil ||
		!strings.Contains(err.Error(), "unset it") {
		t.Errorf("it gives %v", err)
	}
}

func TestOpen_takes_nothing_from_the_environment_but_what_concerns_TLS(t *testing.T) {
	for name, value := range map[string]string{"PGOPTIONS": "-c search_path=evil", "PGHOST": "evil",
		"PGDATABASE": "evil", "PGAPPNAME": "evil", "PGTZ": "evil"} {
		t.Setenv(name, value)
	}
	d, err := Open(Config{URL: config.NewSecret("postgres://u:p@h:5433/d?sslmode=disable")}, Session{Run: "r-1"})
	if err != nil {
		t.Fatal(err)
	}
	if d.Base.Host != "h" || d.Base.Database != "d" || d.Base.Port != 5433 || !maps.Equal(d.Base.RuntimeParams,
		map[string]string{"application_name": "fairlead/r-1"}) {
		t.Errorf("it connects to %s with %v", d.Place(), d.Base.RuntimeParams)
	}
}

func TestEnviron_of_a_child_leads_nowhere_else_and_holds_no_password(t *testing.T) {
	for name, value := range map[string]string{"PGPASSWORD": "hunter2", "PGOPTIONS": "evil", "PGSSLMODE": "require",
		"AWS_SECRET_ACCESS_KEY": "hunter2", "LC_MESSAGES": "de_DE"} {
		t.Setenv(name, value)
	}
	d, err := Open(Config{URL: config.NewSecret("postgres://u:hunter2@h:5433/d?sslmode=disable")}, Session{Run: "r-1"})
	if err != nil {
		t.Fatal(err)
	}
	env := d.environ(access{passfile: "/proc/self/fd/3"}, "pg_dump")
	for _, want := range []string{"PGHOST=h", "PGPORT=5433", "PGUSER=u", "PGDATABASE=d", "PGPASSFILE=/proc/self/fd/3",
		"PGSSLMODE=disable", "LC_ALL=C"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
	for _, v := range env {
		if strings.Contains(v, "hunter2") || strings.Contains(v, "evil") || strings.HasPrefix(v, "PGPASSWORD") ||
			strings.HasPrefix(v, "LC_MESSAGES") {
			t.Errorf("it holds %s", v)
		}
	}
}

func TestTail_keeps_beginning_and_end(t *testing.T) {
	var said Tail
	fmt.Fprint(&said, "first ")
	for range 1000 {
		fmt.Fprint(&said, strings.Repeat("middle ", 100))
	}
	fmt.Fprint(&said, "last")
	text := said.String()
	if len(text) > 3*tailPart || !strings.HasPrefix(text, "first") || !strings.HasSuffix(text, "last") {
		t.Errorf("it keeps %d bytes: %.20s … %s", len(text), text, text[len(text)-20:])
	}
}

func TestClassify_names_what_may_be_tried_again_and_what_is_lost(t *testing.T) {
	for _, c := range []struct {
		name, severity, code string
		want                 error
	}{
		{"a lock timeout", "ERROR", "55P03", apply.ErrLockTimeout},
		{"a deadlock", "ERROR", "40P01", apply.ErrLockTimeout},
		{"a statement timeout", "ERROR", "57014", apply.ErrStatement},
		{"a syntax error", "ERROR", "42601", apply.ErrStatement},
		{"a session that was ended", "FATAL", "57P01", apply.ErrLost},
		{"a crash", "PANIC", "XX000", apply.ErrLost},
	} {
		err := Classify(t.Context(), nil, "run", &pgconn.PgError{Severity: "FEHLER", SeverityUnlocalized: c.severity,
			Code: c.code, Message: "m", Detail: "row 42", Where: "context 42"})
		for _, sentinel := range []error{apply.ErrLockTimeout, apply.ErrStatement, apply.ErrLost} {
			if errors.Is(err, sentinel) != (sentinel == c.want) {
				t.Errorf("%s: matches %v is %v", c.name, sentinel, errors.Is(err, sentinel))
			}
		}
		if strings.Contains(err.Error(), "42 ") || strings.Contains(err.Error(), "row 42") {
			t.Errorf("%s: the text is %q", c.name, err)
		}
	}
}

func TestRemoveStale_removes_password_files_of_dead_processes_only(t *testing.T) {
	dir := t.TempDir()
	names := map[string]bool{ // name to whether it stays
		fmt.Sprintf("%s%d-1", HiddenPrefix, os.Getpid()): true,
		HiddenPrefix + "4194399-2":                       false, // above the largest process id
		HiddenPrefix + "word-3":                          true,
		"something-else":                                 true,
	}
	for name := range names {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	removeStale(dir)
	for name, stays := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != stays {
			t.Errorf("%s: stays %v, want %v", name, err == nil, stays)
		}
	}
}
