package stack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/fault"
	"fairlead/internal/wire"
)

func codes(problems []fault.Problem) []string {
	all := []string{}
	for _, p := range problems {
		all = append(all, string(p.Code))
	}
	return all
}

func TestCheck_refuses_what_the_image_keys_would_not_or_not_only_change(t *testing.T) {
	s := Stack{ProjectDir: "/opt/app/infra", Store: "/opt/app/infra/.env",
		Services: []Key{{"api", "API_IMAGE"}, {"web", "WEB_IMAGE"}}}
	api, web := s.Probe()["api"], s.Probe()["web"]
	for name, c := range map[string]struct {
		services, warnings string
		want               []string
	}{
		"all is well": {
			services: `"api":{"image":"API"},"web":{"image":"WEB"},"proxy":{"image":"caddy"}`},
		"a service is not there": {services: `"api":{"image":"API"}`,
			want: []string{"no-such-service"}},
		"an image is a literal": {services: `"api":{"image":"shop/api:1"},"web":{"image":"WEB"}`,
			want: []string{"image-not-from-key"}},
		"an image is only part of": {services: `"api":{"image":"API-debug"},"web":{"image":"WEB"}`,
			want: []string{"image-not-from-key"}},
		"an image is empty": {services: `"api":{},"web":{"image":"WEB"}`,
			want: []string{"image-not-from-key"}},
		"two images are swapped": {services: `"api":{"image":"WEB"},"web":{"image":"API"}`,
			want: []string{"image-not-from-key", "image-not-from-key", "foreign-image-key", "foreign-image-key"}},
		"a key leads elsewhere": {
			services: `"api":{"image":"API"},"web":{"image":"WEB"},"cron":{"image":"API"}`,
			want:     []string{"foreign-image-key"}},
		"a key is in an environment": {
			services: `"api":{"image":"API","environment":{"WEB_IMAGE":null}},"web":{"image":"WEB"}`,
			want:     []string{"foreign-image-key"}},
		"a service's own key in its environment": {
			services: `"api":{"image":"API","environment":{"V":"API"}},"web":{"image":"WEB"}`},
		"the store is an env_file": {
			services: `"api":{"image":"API","env_file":[{"path":"/opt/app/infra/.env","required":true}]},` +
				`"web":{"image":"WEB"}`,
			want: []string{"shared-env-file"}},
		"the store is an env_file of a service that is not deployed": {
			services: `"api":{"image":"API"},"web":{"image":"WEB"},"db":{"image":"x","env_file":["./.env"]}`,
			want:     []string{"shared-env-file"}},
		"the store's values are in an environment": {
			services: `"api":{"image":"API"},"web":{"image":"WEB","environment":{"WEB_IMAGE":"old"}}`,
			want:     []string{"shared-env-file"}},
		"another env_file": {
			services: `"api":{"image":"API","env_file":[{"path":"/opt/app/infra/app.env"}]},"web":{"image":"WEB"}`},
		"a variable is not set": {services: `"api":{"image":"API"},"web":{"image":"WEB"}`,
			warnings: `time="2026" level=warning msg="The \"TOKEN\" variable is not set. Defaulting to a blank ` +
				`string."` + "\n" + `time="2026" level=warning msg="The \"TOKEN\" variable is not set. Defaulting to ` +
				`a blank string."`,
			want: []string{"unset-variable"}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			text := strings.NewReplacer(`"API`, `"`+api, `"WEB"`,
				`"`+web+`"`).Replace(strings.ReplaceAll(c.services, `"WEB_IMAGE"`, `"KEY"`))
			text = strings.ReplaceAll(text, `"KEY"`, `"WEB_IMAGE"`)
			doc := fmt.Appendf(nil, `{"name":"shop","services":{%s}}`, text)
			m, err := ReadModel([]wire.Answer{{Out: doc, Stderr: c.warnings}, {Out: doc}})
			if err != nil {
				t.Fatal(err)
			}
			got := codes(m.Check(s, s.Probe()))
			if c.want == nil {
				c.want = []string{}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("problems %v, want %v\n%+v", got, c.want, m.Check(s, s.Probe()))
			}
		})
	}
}

func TestCheck_gives_the_patch_that_separates_the_env_files(t *testing.T) {
	s := Stack{ProjectDir: "/opt/app/infra", Store: "/opt/app/infra/.env", Services: []Key{{"api", "API_IMAGE"}}}
	doc := fmt.Appendf(nil, `{"services":{"api":{"image":%q,"env_file":[".env"]}}}`, s.Probe()["api"])
	m, err := ReadModel([]wire.Answer{{Out: doc}, {Out: doc}})
	if err != nil {
		t.Fatal(err)
	}
	p := m.Check(s, s.Probe())
	want := []fault.Command{{Line: "-    env_file: .env"}, {Line: "+    env_file: app.env"}}
	if len(p) != 1 || !slices.Equal(p[0].Do[1:], want) {
		t.Errorf("problems %+v; want the patch", p)
	}
}

func TestReadContainers_takes_no_answer_for_no_containers(t *testing.T) {
	if _, err := ReadContainers(wire.Answer{Code: 1, Stderr: "Cannot connect to the Docker daemon"}); err == nil {
		t.Error("an engine that does not answer was taken for one without containers")
	}
	if all, err := ReadContainers(wire.Answer{}); err != nil || len(all) != 0 {
		t.Errorf("no containers: %v, %v", all, err)
	}
	for _, out := range []string{"x", "{}", `{"id":1}`, "null"} {
		if _, err := ReadContainers(wire.Answer{Out: []byte(out)}); err == nil {
			t.Errorf("%q was read", out)
		}
	}
}

func TestReadContainers_joins_replicas_and_the_digests_of_their_images(t *testing.T) {
	out := `{"id":"c1","image":"r/api@sha256:aa","image_id":"sha256:01","state":"running","health":"healthy",` +
		`"restarts":1,"started":"2026-01-01T00:00:00Z","exit_code":0,` +
		`"project":"shop","service":"api","dir":"/o","files":"/o/c.yml","oneoff":"False"}
{"id":"c2","image":"x","image_id":"sha256:02","state":"exited","health":"",` +
		`"restarts":0,"started":"0001-01-01T00:00:00Z","exit_code":3,` +
		`"project":"shop","service":"api","dir":"/o","files":"/o/c.yml","oneoff":"True"}
{"id":"sha256:01","digests":["r/api@sha256:aa"]}
`
	all, err := ReadContainers(wire.Answer{Out: []byte(out)})
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v; want two containers", all, err)
	}
	got := Replicas(all, "shop", "api")
	if len(got) != 1 || got[0].ID != "c1" || !slices.Equal(got[0].Digests, []string{"r/api@sha256:aa"}) ||
		got[0].Restarts != 1 {
		t.Errorf("replicas %+v; want c1 alone, with its digest", got)
	}
	if len(Replicas(all, "other", "api")) != 0 {
		t.Error("a container of another project was counted")
	}
}
