//go:build real

package scenario

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead/internal/lab"
)

// secret is something that may stand in the environment of the process that it was given to, and nowhere else.
type secret struct{ name, value string }

func TestSecrets_stay_in_the_process_that_was_given_them(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]string{{"local"}, nil} {
		o := one("secret-local")
		if hosts == nil {
			o = one("secret-ssh")
		}
		o.config.Hosts = hosts
		s := newStage(t, 8*time.Minute, o)
		token := "T0KEN-" + s.App
		secrets := []secret{{"the database password", s.Password}, {"the webhook's address", token}}
		s.Env = append(s.Env, "SLACK_WEBHOOK="+s.Lab.WebhookURL+"/slack/"+token)
		s.release("v1.0.0", s.publish(lab.Release{Tag: "v1.0.0"}),
			"CREATE TABLE passes (release text);\nINSERT INTO passes VALUES ('a');\n", "api")
		s.release("v1.1.0", s.publish(lab.Release{Tag: "v1.1.0"}), "CREATE TABLE more (id bigint PRIMARY KEY);\n"+
			"CREATE INDEX CONCURRENTLY IF NOT EXISTS passes_release ON passes (release);\n", "api")
		s.must(0, "plan", "v1.0.0", "-o", filepath.Join(s.Home, "plan.json"))
		seen := 0
		for _, args := range [][]string{{"check"}, {"deploy", "v1.0.0", "--yes"}, {"deploy", "v1.1.0", "--yes"},
			{"rollback", "--yes"}, {"status"}} {
			r := s.start(s.Home, nil, args...)
			n, found := spy(r, secrets)
			seen += n
			if got := r.wait(); got.Exit != 0 {
				t.Errorf("%s", got)
			}
			for _, f := range found {
				t.Errorf("fairlead %s: %s", strings.Join(args, " "), f)
			}
		}
		s.must(0, "history")
		s.must(0, "show", string(s.last().Run))
		files := 0
		for _, root := range []string{s.Home, s.Dir, filepath.Join(s.Lab.Dir, "home")} {
			n, found := search(t, root, secrets)
			files += n
			for _, f := range found {
				t.Error(f)
			}
		}
		if n := s.value("SELECT count(*) FROM passes"); n != "1" {
			t.Errorf("passes has %s rows", n)
		}
		t.Logf("%v: looked %d times at a process beside fairlead, and into %d files", hosts, seen, files)
	}
}

// spy looks at the arguments and the environment of every process on this machine that began after the command, until
// the command ends. Only the command's own process may hold a secret, and only in its environment.
func spy(r *running, secrets []secret) (looks int, found []string) {
	was := map[string]bool{}
	for _, p := range processes() {
		was[p] = true
	}
	own := strconv.Itoa(r.cmd.Process.Pid)
	self, _ := os.ReadFile("/proc/" + own + "/cmdline")
	once := map[string]bool{}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			for _, p := range processes() {
				if was[p] && p != own {
					continue
				}
				argv, _ := os.ReadFile("/proc/" + p + "/cmdline")
				env, _ := os.ReadFile("/proc/" + p + "/environ")
				looks++
				for _, s := range secrets {
					if bytes.Contains(argv, []byte(s.value)) {
						once[fmt.Sprintf("%s stands in the arguments of %q", s.name, clean(argv))] = true
					}
					// A child that has not become its program yet still is the command in every respect.
					if p != own && !bytes.Equal(argv, self) && bytes.Contains(env, []byte(s.value)) {
						once[fmt.Sprintf("%s stands in the environment of %q", s.name, clean(argv))] = true
					}
				}
			}
			time.Sleep(3 * time.Millisecond)
		}
	})
	<-r.ended
	cancel()
	wg.Wait()
	for f := range once {
		found = append(found, f)
	}
	return looks, found
}

func clean(argv []byte) string {
	s := strings.TrimSpace(strings.ReplaceAll(string(argv), "\x00", " "))
	return s[:min(len(s), 120)]
}

func processes() []string {
	entries, _ := os.ReadDir("/proc")
	var all []string
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, e.Name())
		}
	}
	return all
}

// search reads every file below a folder: what commands said, ledger, mirrors, plans, backups, what is kept on the
// host.
func search(t *testing.T, root string, secrets []secret) (files int, found []string) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, s := range secrets {
			if bytes.Contains(text, []byte(s.value)) {
				found = append(found, fmt.Sprintf("%s stands in %s", s.name, path))
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return files, found
}
