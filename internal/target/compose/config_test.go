package compose

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fault"
	"fairlead/internal/fence"
	"fairlead/internal/host"
	"fairlead/internal/release"
	"fairlead/internal/target"
	"fairlead/internal/wire"
)

func good() Config {
	c := Config{}
	c.Defaults()
	c.Hosts, c.Directory = []string{"ssh://deploy@prod:22", "local"}, "/opt/app"
	c.Services = map[string]Service{"api": {ImageEnv: "API_IMAGE"}, "web": {ImageEnv: "WEB_IMAGE"}}
	return c
}

func TestValidate_names_the_key_that_is_wrong(t *testing.T) {
	if key, err := good().Validate(); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	for want, change := range map[string]func(*Config){
		"hosts":           func(c *Config) { c.Hosts = nil },
		"hosts.1":         func(c *Config) { c.Hosts[1] = "ssh://deploy:secret@prod" },
		"hosts.0":         func(c *Config) { c.Hosts[0] = "prod" },
		"agent_directory": func(c *Config) { c.AgentDirectory = "agents" },
		"agent":           func(c *Config) { c.Agent = "download" },
		"order":           func(c *Config) { c.Order = []string{"web"} },
		"start_timeout":   func(c *Config) { c.StartTimeout = 2 * time.Hour },
		"ssh":             func(c *Config) { c.SSH.Config = "a\nb" },
	} {
		c := good()
		change(&c)
		if key, err := c.Validate(); err == nil || key != want {
			t.Errorf("%s: the key %q, %v", want, key, err)
		}
	}
}

func TestImageKeys_follow_the_order_of_the_configuration(t *testing.T) {
	c := good()
	c.Order = []string{"web", "api"}
	hosts, err := c.Fleet().Connect(host.Agents{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := New(c, "shop", "production", hosts, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	d := release.SumDigest(nil)
	images := []release.Image{{Service: "api", Repo: "r/api", Digest: d}, {Service: "web", Repo: "r/web", Digest: d}}
	keys, err := x.imageKeys(images)
	if err != nil || len(keys) != 2 || keys[0].Service != "web" || keys[1].ImageEnv != "API_IMAGE" {
		t.Errorf("%+v, %v; want web and then api", keys, err)
	}
	_, err = x.imageKeys(append(images, release.Image{Service: "cron", Repo: "r/cron", Digest: d}))
	if f, ok := fault.Find(err); !ok || f.Code != "unknown-service" || !fault.IsUntouched(err) {
		t.Errorf("an image of an unknown service: %v", err)
	}
}

func TestTranslate_speaks_the_words_of_the_contract(t *testing.T) {
	h := host.New(host.Options{Address: host.Address{Local: true}})
	var over *fence.Overtaken
	err := translate(h, wire.Fail(wire.CodeOvertaken, "overtaken", fence.Ticket{Run: "r-9", Number: 9, Holder: "ben"}))
	if !errors.As(err, &over) || over.By.Holder != "ben" {
		t.Errorf("overtaken: %v", err)
	}
	if err := translate(h, wire.Fail(wire.CodeOtherLedger, "x", nil)); !errors.Is(err, fence.ErrOtherLedger) {
		t.Errorf("another ledger: %v", err)
	}
	if err := translate(h, host.ErrHostKey); !errors.Is(err, target.ErrUnreachable) ||
		!errors.Is(err, host.ErrHostKey) {
		t.Errorf("a wrong key: %v", err)
	}
	err = translate(h, wire.Fail(wire.CodeRefused, "no: because",
		fault.Fault{Code: "pull-failed", What: "no", Means: "unchanged"}))
	if f, ok := fault.Find(err); !ok || f.Code != "pull-failed" || !fault.IsUntouched(err) ||
		!strings.HasSuffix(f.Error(), "no: because") {
		t.Errorf("a refusal: %v, %+v", err, f)
	}
}

func TestSkew_is_none_while_the_question_may_explain_it(t *testing.T) {
	at := time.Unix(1000, 0)
	for there, want := range map[time.Time]time.Duration{
		at:                        0,
		at.Add(2 * time.Second):   0,
		at.Add(-10 * time.Second): -9500 * time.Millisecond,
		at.Add(60 * time.Second):  57 * time.Second,
	} {
		if got := skew(there, at.Add(500*time.Millisecond), at.Add(3*time.Second)); got != want {
			t.Errorf("at %s: %s, want %s", there.Sub(at), got, want)
		}
	}
}
