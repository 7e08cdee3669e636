package lab

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/release"
)

// paperLab is a lab whose parts do not run: its files and texts can be tested.
func paperLab(t *testing.T) *Lab {
	t.Helper()
	return &Lab{
		Dir: t.TempDir(), RegistryHost: "localhost:5000",
		DatabaseURL: "postgres://postgres:secret@127.0.0.1:5432/postgres?sslmode=disable",
		SSHHost:     "127.0.0.1", SSHPort: 2222, SSHUser: "deploy",
		IdentityFile: "/lab/ssh/deploy", KnownHosts: "/lab/ssh/known_hosts",
		WebhookURL: "http://127.0.0.1:9000", Uid: os.Getuid(), Gid: os.Getgid(),
	}
}

func TestWriteConfig_gives_a_file_that_fairlead_reads(t *testing.T) {
	s := paperLab(t).stack("shop", 0)
	for name, o := range map[string]ConfigOptions{
		"over ssh":     {},
		"without ssh":  {Hosts: []string{"local"}, Every: "10s", Attempts: 3, Unmigrated: "ask"},
		"with an end":  {Extra: "# nothing more\n"},
		"no smoke":     {SmokeURLs: []string{}},
		"a second way": {BackupDir: "/backups", NotifyURL: "http://127.0.0.1:9000/status/500"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "fairlead.yaml")
			if err := s.WriteConfig(path, o); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{}
			for _, e := range s.Env() {
				name, value, _ := strings.Cut(e, "=")
				env[name] = value
			}
			_, err := config.Load(path, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
			if err != nil {
				text, _ := os.ReadFile(path)
				t.Fatalf("%v\n%s", err, text)
			}
		})
	}
}

func TestWriteRelease_gives_a_file_that_fairlead_reads(t *testing.T) {
	s := paperLab(t).stack("shop", 0)
	for _, sql := range []string{"", "CREATE TABLE t(n int);\n"} {
		p := Published{Tag: "v1.0.0", Dir: t.TempDir(), Commit: strings.Repeat("0a", 20), Images: map[string]string{}}
		p.File = filepath.Join(p.Dir, "release.json")
		for _, role := range services {
			p.Images[role] = "localhost:5000/shop/" + role + "@sha256:" + strings.Repeat("ab", 32)
		}
		if err := s.writeRelease(p, sql); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(p.File)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := release.Parse(f)
		if err != nil {
			t.Fatal(err)
		}
		if (r.Migration != nil) != (sql != "") || len(r.Images) != 3 {
			t.Errorf("read back: %+v", r)
		}
	}
}

func TestSummarize_measures_the_gap_between_successes(t *testing.T) {
	at := func(ms int, err error) shot {
		return shot{began: time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond), took: time.Millisecond, err: err}
	}
	bad := errors.New("refused")
	cases := []struct {
		name   string
		shots  []shot
		failed int
		gap    time.Duration
	}{
		{"nothing was sent", nil, 0, 0},
		{"no failure is no gap, however slow", []shot{at(0, nil), at(900, nil)}, 0, 0},
		{"from the last success to the next", []shot{at(0, nil), at(10, bad), at(20, bad), at(35, nil)}, 2,
			35 * time.Millisecond},
		{"out of order", []shot{at(35, nil), at(10, bad), at(0, nil), at(20, bad)}, 2, 35 * time.Millisecond},
		{"the longest of two", []shot{at(0, nil), at(10, bad), at(20, nil), at(30, bad), at(50, nil)}, 2,
			30 * time.Millisecond},
		{"never came back", []shot{at(0, nil), at(10, bad), at(90, bad)}, 2, 90 * time.Millisecond},
		{"never was there", []shot{at(0, bad), at(50, bad)}, 2, 50 * time.Millisecond},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := summarize(c.shots)
			if r.Failed != c.failed || r.LongestGap != c.gap || r.Sent != len(c.shots) {
				t.Errorf("got %s, want %d failed and %s", r, c.failed, c.gap)
			}
		})
	}
}

func TestReceiver_answers_like_slack_and_keeps_the_request(t *testing.T) {
	r := NewReceiver(filepath.Join(t.TempDir(), "hooks"))
	server := httptest.NewServer(r)
	defer server.Close()
	for path, want := range map[string]int{"/slack": 200, "/status/503/x": 503, "/slow/10ms": 200} {
		res, err := http.Post(server.URL+path, "application/json", strings.NewReader(`{"text":"hi"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s answers %d, want %d", path, res.StatusCode, want)
		}
	}
	kept, err := (&Lab{WebhookFile: r.file}).Hooks()
	if err != nil || len(kept) != 3 || len(r.Hooks()) != 3 || kept[0].Body != `{"text":"hi"}` {
		t.Errorf("kept %+v (%v)", kept, err)
	}
}

func TestSession_tells_which_answers_belong_to_a_statement(t *testing.T) {
	s := &session{pending: 1} // the server has yet to say that it is ready at all
	s.sent('Q')               // an earlier statement, still unanswered
	rule := &Rule{When: AfterDone}
	s.wait(rule)
	s.sent('Q')
	var held string
	for _, kind := range []byte("RZCZTDCZ") {
		r, done := s.answered(kind)
		switch {
		case done:
			held += "!"
		case r != nil:
			held += string(kind)
		default:
			held += "-"
		}
	}
	if held != "----TDC!" {
		t.Errorf("held back %s, want ----TDC!", held)
	}
}

func TestStack_names_and_ports_do_not_collide(t *testing.T) {
	l := paperLab(t)
	seen := map[string]bool{}
	for range 3 {
		n, err := l.claimNumber()
		if err != nil {
			t.Fatal(err)
		}
		s := l.stack("app", n)
		if seen[s.APIURL] || seen[s.WebURL] {
			t.Errorf("%s or %s is used twice", s.APIURL, s.WebURL)
		}
		seen[s.APIURL], seen[s.WebURL] = true, true
	}
}

func TestDown_refuses_a_folder_that_is_no_labs(t *testing.T) {
	dir := t.TempDir()
	if err := Down(dir); err == nil {
		t.Error("it removed somebody's folder")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}

func TestAttach_says_that_there_is_no_lab(t *testing.T) {
	if _, err := Attach(t.TempDir()); !errors.Is(err, ErrNoLab) {
		t.Errorf("got %v", err)
	}
}
