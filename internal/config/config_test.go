package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fault"
)

const whole = `app: shop
environment: production
release:  {source: file, path: release.json}
registry: {plain_http: ["localhost:5000"]}
approval: {from: none, reason: "two-person team, trial period"}
database: {url: "${PROD_DB_URL}", via: direct, lock_timeout: 2s}
backup:   {store: {kind: dir, path: ./backups}}
target:
  kind: compose
  hosts: ["ssh://deploy@203.0.113.7:22"]
  ssh: {identity_file: "~/.ssh/id", known_hosts: "${KNOWN}", config: ssh.conf}
  directory: /opt/your-app
  files: [infra/docker-compose.prod.yml]
  env_store: auto
  services:
    api:    {image_env: API_IMAGE}
    worker: {image_env: WORKER_IMAGE}
health: {checks: ["https://api.yourdomain.com/health"], every: 10s, attempts: 12}
smoke:
  http: [{url: "https://api.yourdomain.com/health"}, {url: "https://yourdomain.com/api/health", required: false}]
record: {notify: [{kind: slack, url: "${SLACK_WEBHOOK}"}]}
on_failure: {unmigrated: rollback, migrated: ask}
escalation: {lead: "name or handle"}
`

const least = `app: shop
environment: production
approval: {from: none, reason: trial}
target: {kind: compose}
health: {checks: ["https://shop.example/health"]}
`

func env(name string) (string, bool) {
	v, ok := map[string]string{"PROD_DB_URL": "postgres://app:hunter2@db/shop",
		"SLACK_WEBHOOK": "https://hooks.example/T0/B0/x",
		"KNOWN":         "/etc/known", "HOME": "/home/ana", "EMPTY": ""}[name]
	return v, ok
}

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	return parse([]byte(text), &origin{file: "fairlead.yaml", dir: "/repo", env: env})
}

func mustLoad(t *testing.T, text string) Config {
	t.Helper()
	c, err := load(t, text)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return c
}

func TestLoad_reads_every_part_of_the_whole_file(t *testing.T) {
	c := mustLoad(t, whole)
	if c.App != "shop" || c.Release.Path != "/repo/release.json" || c.Registry.PlainHTTP[0] != "localhost:5000" {
		t.Errorf("got %+v", c)
	}
	if len(c.Smoke.HTTP) != 2 || !c.Smoke.HTTP[0].Required || c.Smoke.HTTP[1].Required ||
		c.Smoke.HTTP[0].Status != 200 {
		t.Errorf("smoke: got %+v", c.Smoke)
	}
	if c.Target.Kind != "compose" || c.Backup.Store.Kind != "dir" || c.Record.Notify[0].Kind != "slack" ||
		!c.Database.Present() {
		t.Errorf("blocks: got %q %q %q", c.Target.Kind, c.Backup.Store.Kind, c.Record.Notify[0].Kind)
	}
}

func TestLoad_fills_in_the_defaults_of_the_runbook(t *testing.T) {
	c := mustLoad(t, least)
	h := c.Health
	if h.Every != 10*time.Second || h.Attempts != 12 || h.Successes != 1 || h.Timeout != 5*time.Second ||
		h.From != "operator" {
		t.Errorf("health: got %+v", h)
	}
	if c.OnFailure != (OnFailure{Unmigrated: "rollback", Migrated: "ask"}) {
		t.Errorf("on_failure: got %+v", c.OnFailure)
	}
	if c.Release.Source != "file" || c.Release.Path != "/repo/release.json" {
		t.Errorf("release: got %+v", c.Release)
	}
	if c.Database.Present() || c.Backup.Store.Present() {
		t.Error("a block that is not in the file is present")
	}
}

func TestBlock_is_decoded_strictly_by_its_owner(t *testing.T) {
	var into struct {
		Hosts []string `yaml:"hosts,required"`
		SSH   struct {
			Identity Path `yaml:"identity_file"`
			Known    Path `yaml:"known_hosts"`
			Config   Path `yaml:"config"`
		} `yaml:"ssh"`
		Directory string   `yaml:"directory"`
		Files     []string `yaml:"files"`
		EnvStore  string   `yaml:"env_store"`
		Services  map[string]struct {
			ImageEnv string `yaml:"image_env"`
		} `yaml:"services"`
	}
	c := mustLoad(t, whole)
	if err := c.Target.Decode(&into); err != nil {
		t.Fatal(err)
	}
	if into.SSH.Identity != "/home/ana/.ssh/id" || into.SSH.Known != "/etc/known" ||
		into.SSH.Config != "/repo/ssh.conf" {
		t.Errorf("paths: got %+v", into.SSH)
	}
	if into.Services["worker"].ImageEnv != "WORKER_IMAGE" {
		t.Errorf("services: got %+v", into.Services)
	}
	var narrow struct {
		Hosts []string `yaml:"hosts"`
	}
	err := c.Target.Decode(&narrow)
	if err == nil || !strings.Contains(err.Error(), `fairlead.yaml:11:3: unknown key "ssh"`) {
		t.Errorf("got %v", err)
	}
	err = c.Target.Errorf("services.worker.image_env", "no such key in the .env")
	if err == nil || !strings.Contains(err.Error(), "fairlead.yaml:17:25: no such key") {
		t.Errorf("got %v", err)
	}
}

func TestSecret_never_prints_itself(t *testing.T) {
	var db struct {
		URL     Secret        `yaml:"url"`
		Via     string        `yaml:"via"`
		Timeout time.Duration `yaml:"lock_timeout"`
	}
	c := mustLoad(t, whole)
	if err := c.Database.Decode(&db); err != nil {
		t.Fatal(err)
	}
	if db.URL.Reveal() != "postgres://app:hunter2@db/shop" {
		t.Fatalf("reveal: got %q", db.URL.Reveal())
	}
	js, _ := json.Marshal(db)
	for _, s := range []string{fmt.Sprint(db), fmt.Sprintf("%+v", db), fmt.Sprintf("%#v", db),
		fmt.Sprintf("%s %q", db.URL, db.URL), string(js), fmt.Sprintf("%+v", c)} {
		if strings.Contains(s, "hunter2") {
			t.Errorf("the secret stands in %s", s)
		}
	}
}

func TestLoad_says_what_is_wrong_and_where(t *testing.T) {
	deep := strings.Repeat("[", 200)
	for name, c := range map[string]struct{ text, want string }{
		"an unknown key": {least + "chekcs: 1\n", `fairlead.yaml:6:1: unknown key "chekcs"`},
		"an unknown key that is nearly one": {strings.Replace(least, "{checks:", "{chekcs:", 1),
			`fairlead.yaml:5:10: unknown key "chekcs" under health; did you mean "checks"?`},
		"a number for text": {strings.Replace(least, "app: shop", "app: 1.10", 1),
			"fairlead.yaml:1:6: app must be text, it is a number; put it in quotes"},
		"text for a number": {strings.Replace(least, `health"]}`, `health"], attempts: twelve}`, 1),
			"health.attempts must be a whole number, it is text"},
		"a list for a mapping": {strings.Replace(least, "target: {kind: compose}", "target: [compose]", 1),
			"fairlead.yaml:4:9: target must be a mapping of keys, it is a list"},
		"a time without a unit": {strings.Replace(least, `health"]}`, `health"], every: 10}`, 1),
			`health.every must be a time with its unit, like 10s or 2m, got "10"`},
		"a key twice": {least + "app: again\n",
			"fairlead.yaml:6:1: app stands twice; the first is in line 1"},
		"a missing key": {strings.Replace(least, "app: shop\n", "", 1), "app is missing"},
		"a missing kind": {strings.Replace(least, "{kind: compose}", "{hosts: [local]}", 1),
			"target.kind is missing"},
		"a key without a value": {strings.Replace(least, "app: shop", "app:", 1), "app has no value"},
		"a word that is not allowed": {least + "on_failure: {migrated: rolback}\n",
			`on_failure.migrated must be ask, got "rolback"`},
		"a word that will be allowed": {strings.Replace(least, "from: none", "from: signature", 1),
			"approval.from: signature is not supported yet; use none"},
		"no reason for no approval": {strings.Replace(least, ", reason: trial", "", 1),
			"approval.reason is missing"},
		"a variable where none is allowed": {strings.Replace(least, "app: shop", `app: "${PROD_DB_URL}"`, 1),
			"app does not take variables, found ${PROD_DB_URL}"},
		"an anchor": {least + "escalation: &a {lead: x}\n",
			"fairlead.yaml:6:13: anchors, aliases and merges are not allowed"},
		"a tag": {least + "escalation: !!map {lead: x}\n",
			"tags and directives are not allowed"},
		"deep brackets":          {least + "escalation: " + deep, "nested deeper than 16 levels"},
		"deep lists on one line": {strings.Repeat("- ", 1000) + "x", "nested deeper than 16 levels"},
		"a second document":      {least + "---\napp: two\n", "a second document"},
		"an empty file":          {"", "the file is empty"},
		"only a comment":         {"# nothing\n", "the file is empty"},
		"a scalar":               {"hello\n", "must be a mapping"},
		"not text":               {"app: \xff\xfe\n", "not UTF-8"},
		"a truncated file":       {whole[:210], "fairlead.yaml:6:17: not readable as YAML"},
		"a URL without a scheme": {strings.Replace(least, "https://shop.example/health", "shop.example", 1),
			"fairlead.yaml:5:19: health.checks.0 must be a URL"},
		"a password in a URL": {strings.Replace(least, "https://", "https://a:b@", 1),
			"must not hold a user or password"},
		"an app with a slash": {strings.Replace(least, "app: shop", "app: ../shop", 1),
			"app must be letters"},
		"more successes than looks": {strings.Replace(least, `health"]}`, `health"], successes: 13}`, 1),
			"health.successes must be between 1 and attempts (12), it is 13"},
		"no time between looks": {strings.Replace(least, `health"]}`, `health"], every: 0s}`, 1),
			"health.every must be more than 0"},
		"too many sessions for a dump": {least + "backup: {store: {kind: dir}, format: directory, jobs: 33}\n",
			"backup.jobs must be between 1 and 32, it is 33"},
		"sessions for one stream": {least + "backup: {store: {kind: dir}, jobs: 2}\n",
			"backup.jobs is only for backup.format: directory"},
		"a number too large": {strings.Replace(least, `health"]}`,
			`health"], attempts: 99999999999999999999}`, 1), "health.attempts must be"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			f, ok := fault.Find(err)
			if !ok || f.Outcome != fault.Misused || f.Means == "" || len(f.Do) == 0 {
				t.Errorf("not a whole fault: %+v", f)
			}
		})
	}
}

func TestLoad_reports_all_mistakes_at_once(t *testing.T) {
	_, err := load(t, strings.Replace(least, "app: shop\n", "", 1)+"x: 1\nhealht: 2\n")
	want := `the configuration has 3 mistakes: 
fairlead.yaml:1:1: app is missing
fairlead.yaml:5:1: unknown key "x"
fairlead.yaml:6:1: unknown key "healht"; did you mean "health"?`
	var ps Problems
	if !errors.As(err, &ps) || err.Error() != want {
		t.Fatalf("got\n%v\nwant\n%s", err, want)
	}
}

func TestExpansion_names_the_variable_that_is_missing_and_where_it_stands(t *testing.T) {
	var db struct {
		URL Secret `yaml:"url"`
	}
	for text, want := range map[string]string{
		`"${NO_SUCH}"`:      "fairlead.yaml:6:17: url: the variable NO_SUCH is not set",
		`"x${EMPTY}"`:       "url: the variable EMPTY is empty",
		`"${NOT CLOSED"`:    "url: ${ must be followed by the name",
		`"a$$b$c${KNOWN}$"`: "",
	} {
		c := mustLoad(t, least+"database: {url: "+text+"}\n")
		err := c.Database.Decode(&db)
		if want == "" {
			if err != nil || db.URL.Reveal() != "a$b$c/etc/known$" {
				t.Errorf("%s: got %q, %v", text, db.URL.Reveal(), err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got  %v\n want %s", text, err, want)
		}
	}
}

func TestLoad_takes_comments_of_any_shape(t *testing.T) {
	mustLoad(t, "# "+strings.Repeat("-", 200)+"\n  # "+strings.Repeat("[", 40)+"\n"+least)
}

func TestLoad_refuses_large_missing_and_special_files_at_once(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(2 << 30); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for path, want := range map[string]fault.Code{large: "config-unreadable", dir: "config-unreadable",
		filepath.Join(dir, "none.yaml"): "config-missing"} {
		_, err := Load(path, env)
		if f, ok := fault.Find(err); !ok || f.Code != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}

func TestLoad_of_hostile_megabytes_takes_no_time(t *testing.T) {
	for name, text := range map[string]string{
		"brackets":   strings.Repeat("[", MaxFile-1),
		"entries":    strings.Repeat("- ", MaxFile/2-1),
		"keys":       strings.Repeat("a: 1\n", MaxFile/5-1),
		"questions":  strings.Repeat("? ", MaxFile/2-1),
		"colons":     strings.Repeat(":", MaxFile-1),
		"one line":   "app: " + strings.Repeat("a ", MaxFile/2-10),
		"quotes":     strings.Repeat(`"`, MaxFile-1),
		"open quote": `app: "` + strings.Repeat("a\n\n", MaxFile/3-10),
		"literal":    "app: |\n" + strings.Repeat("  a\n", MaxFile/4-10),
		"stairs":     stairs(),
		"comments":   strings.Repeat("#\n", MaxFile/2-1),
		"flow":       "app: [" + strings.Repeat("1,", MaxFile/2-10) + "]",
		"plain":      "app: " + strings.Repeat("a\n ", MaxFile/3-10),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if _, err := load(t, text); err == nil {
				t.Error("want an error")
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func stairs() string {
	var b strings.Builder
	for i := 0; b.Len() < MaxFile-2000; i++ {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func FuzzLoad(f *testing.F) {
	f.Add(whole)
	f.Add(least)
	f.Add(strings.Replace(least, "{kind: compose}",
		"{kind: \"${KNOWN}\", words: {a: b}, list: [~/a, b], deep: {x: [{kind: y}]}}", 1))
	f.Add("a: {b: [1, '2', \"3\"]}\n")
	f.Add("a: &x 1\nb: *x\n<<: *x\n")
	f.Add("? a\n: b\n")
	f.Add("a: |\n  b\n c: >-\n  d\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<14 {
			return
		}
		c, err := parse([]byte(text), &origin{file: "f", dir: "/repo", env: env})
		if err != nil {
			if _, ok := fault.Find(err); !ok {
				t.Errorf("not a fault: %v", err)
			}
			return
		}
		var into struct {
			Kind  Secret             `yaml:"kind"`
			Words map[string]string  `yaml:"words"`
			List  []Path             `yaml:"list"`
			Deep  map[string][]Block `yaml:"deep"`
		}
		if err := c.Target.Decode(&into); err != nil {
			if _, ok := fault.Find(err); !ok {
				t.Errorf("not a fault: %v", err)
			}
		}
		if c.App == "" || len(c.Health.Checks) == 0 {
			t.Errorf("a file without app or checks was accepted: %q", text)
		}
	})
}

func TestSecretVariables_are_those_that_decoded_blocks_made_secrets_of(t *testing.T) {
	c := mustLoad(t, whole)
	if got := c.SecretVariables(); len(got) != 0 {
		t.Errorf("before anybody decoded a block: %v", got)
	}
	var database struct {
		URL         Secret        `yaml:"url"`
		Via         string        `yaml:"via"`
		LockTimeout time.Duration `yaml:"lock_timeout"`
	}
	if err := c.Database.Decode(&database); err != nil {
		t.Fatal(err)
	}
	if got := c.SecretVariables(); !slices.Equal(got, []string{"PROD_DB_URL"}) {
		t.Errorf("after the database: %v", got)
	}
	if got := (Config{}).SecretVariables(); len(got) != 0 {
		t.Errorf("of no file: %v", got)
	}
}
