package stack

import (
	"slices"
	"strings"
	"testing"
)

func TestResolve_finds_the_env_file_that_compose_reads(t *testing.T) {
	base := Layout{Directory: "/opt/app", Files: []string{"infra/docker-compose.prod.yml"}, EnvStore: Auto}
	for name, c := range map[string]struct {
		change func(*Layout)
		files  map[string]string
		store  string
		env    []string
	}{
		"the folder of the first compose file": {store: "/opt/app/infra/.env", env: []string{"/opt/app/infra/.env"}},
		"not the current folder's": {files: map[string]string{"/opt/app/.env": "API_IMAGE=x\n",
			"/opt/app/infra/.env": "A=1\n"},
			store: "/opt/app/infra/.env", env: []string{"/opt/app/infra/.env"}},
		"the current folder's when it names these files": {
			files: map[string]string{"/opt/app/.env": "COMPOSE_FILE=infra/docker-compose.prod.yml\n"},
			store: "/opt/app/.env", env: []string{"/opt/app/infra/.env", "/opt/app/.env"}},
		"not when it names others": {files: map[string]string{"/opt/app/.env": "COMPOSE_FILE=docker-compose.dev.yml\n"},
			store: "/opt/app/infra/.env", env: []string{"/opt/app/infra/.env"}},
		"with its own separator": {change: func(l *Layout) { l.Files = []string{"a.yml", "infra/b.yml"} },
			files: map[string]string{"/opt/app/.env": "COMPOSE_PATH_SEPARATOR=;\nCOMPOSE_FILE='a.yml;infra/b.yml'\n"},
			store: "/opt/app/.env", env: []string{"/opt/app/.env"}},
		"files in the folder itself": {change: func(l *Layout) { l.Files = []string{"docker-compose.yml"} },
			store: "/opt/app/.env", env: []string{"/opt/app/.env"}},
		"an absolute compose file": {change: func(l *Layout) { l.Files = []string{"/srv/x/c.yml"} },
			store: "/srv/x/.env", env: []string{"/srv/x/.env"}},
		"a store that is named": {change: func(l *Layout) { l.EnvStore = "images.env" },
			store: "/opt/app/images.env", env: []string{"/opt/app/images.env"}},
		"the last of the env files that are named": {change: func(l *Layout) {
			l.EnvFiles = []string{"base.env", "prod.env"}
		},
			store: "/opt/app/prod.env", env: []string{"/opt/app/base.env", "/opt/app/prod.env"}},
		"a store behind the env files that are named": {change: func(l *Layout) {
			l.EnvFiles, l.EnvStore = []string{"images.env", "base.env"}, "images.env"
		},
			store: "/opt/app/images.env", env: []string{"/opt/app/base.env", "/opt/app/images.env"}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			l := base
			if c.change != nil {
				c.change(&l)
			}
			s, err := l.Resolve(func(name string) ([]byte, bool) { b, ok := c.files[name]; return []byte(b), ok })
			if err != nil {
				t.Fatal(err)
			}
			if s.Store != c.store || !slices.Equal(s.EnvFiles, c.env) {
				t.Errorf("store %s, env files %v; want %s, %v", s.Store, s.EnvFiles, c.store, c.env)
			}
		})
	}
}

func TestComposeArgs_leave_nothing_to_the_surroundings(t *testing.T) {
	s := Stack{ProjectDir: "/opt/app/infra", Project: "shop", Files: []string{"/opt/app/infra/c.yml"},
		EnvFiles: []string{"/a/.env", "/b/.env"}, Profiles: []string{"p"}}
	got := strings.Join(s.ComposeArgs(func(n string) bool { return n == "/b/.env" }, "up", "api"), " ")
	want := "docker compose --ansi never --project-directory /opt/app/infra -p shop -f /opt/app/infra/c.yml " +
		"--env-file /b/.env --profile p up api"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	none := strings.Join(s.ComposeArgs(func(string) bool { return false }), " ")
	if !strings.Contains(none, "--env-file /dev/null") {
		t.Errorf("without env files compose looks for one by itself: %s", none)
	}
}

func TestValidate_refuses_a_layout_that_cannot_work(t *testing.T) {
	good := Layout{Directory: "/opt/app", Files: []string{"c.yml"}, EnvStore: Auto,
		Services: []Key{{"api", "API_IMAGE"}}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Layout){
		"a relative folder":         func(l *Layout) { l.Directory = "app" },
		"no files":                  func(l *Layout) { l.Files = nil },
		"a comma in a file name":    func(l *Layout) { l.Files = []string{"a,b"} },
		"no store":                  func(l *Layout) { l.EnvStore = "" },
		"no services":               func(l *Layout) { l.Services = nil },
		"a key that is no variable": func(l *Layout) { l.Services = []Key{{"api", "API-IMAGE"}} },
		"a shared key":              func(l *Layout) { l.Services = []Key{{"api", "X"}, {"web", "X"}} },
		"an option as a service":    func(l *Layout) { l.Services = []Key{{"-f", "X"}} },
	} {
		l := good
		change(&l)
		if l.Validate() == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
