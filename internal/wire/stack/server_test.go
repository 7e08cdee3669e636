package stack

import (
	"errors"
	"strings"
	"testing"

	"fairlead/internal/wire"
)

const (
	dbOfShop = `{"id":"1","name":"/shop-db-1","state":"running","mode":"shop_default",` +
		`"networks":{"shop_back":{"IPAddress":"172.20.0.5"},"shop_default":{"IPAddress":""}},"project":"shop",` +
		`"service":"db","dir":"/srv/shop","files":"/srv/shop/infra/docker-compose.prod.yml","oneoff":"False"}`
	dbOfOther = `{"id":"2","name":"/other-db-1","state":"running","mode":"other_default",` +
		`"networks":{"other_default":{"IPAddress":"172.21.0.5"}},"project":"other","service":"db",` +
		`"dir":"/srv/other","files":"/srv/other/compose.yml","oneoff":"False"}`
	onHost = `{"id":"3","name":"/pg","state":"running","mode":"host","networks":{"host":{"IPAddress":""}},` +
		`"project":null,"service":null,"dir":null,"files":null,"oneoff":null}`
	stopped = `{"id":"4","name":"/shop-db-2","state":"exited","mode":"x","networks":{},"project":"shop",` +
		`"service":"db","dir":"/srv/shop","files":"","oneoff":"False"}`
	isolated = `{"id":"5","name":"/alone","state":"running","mode":"none","networks":{"none":{"IPAddress":""}},` +
		`"project":null,"service":null,"dir":null,"files":null,"oneoff":null}`
)

func TestReadServing_finds_the_one_container_that_is_meant(t *testing.T) {
	for name, c := range map[string]struct {
		server Server
		out    []string
		want   string // address, or what the error says
	}{
		"the only one": {Server{Service: "db"}, []string{dbOfShop}, "172.20.0.5"},
		"the one of the target's own folder": {Server{Service: "db", Directory: "/srv/shop"},
			[]string{dbOfOther, dbOfShop}, "172.20.0.5"},
		"a folder that only begins alike": {Server{Service: "db", Directory: "/srv/sho"},
			[]string{dbOfOther, dbOfShop}, "runs 2 times: other-db-1 (project other), shop-db-1 (project shop)"},
		"several, and nothing that tells which": {Server{Service: "db"}, []string{dbOfOther, dbOfShop}, "runs 2 times"},
		"a stopped one is none":                 {Server{Service: "db"}, []string{dbOfShop, stopped}, "172.20.0.5"},
		"the host's network":                    {Server{Name: "pg"}, []string{onHost}, "127.0.0.1"},
		"no network": {Server{Name: "alone"}, []string{isolated},
			"the container alone has no address"},
		"none": {Server{Service: "db", Project: "shop"}, nil,
			"the compose service db of project shop does not run on the host"},
	} {
		s, err := ReadServing(c.server, wire.Answer{Out: []byte(strings.Join(c.out, "\n"))})
		if err != nil {
			if !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrNotServing) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			continue
		}
		if s.Address != c.want {
			t.Errorf("%s: %+v, want %q", name, s, c.want)
		}
	}
	if _, err := ReadServing(Server{Service: "db"},
		wire.Answer{Code: 1, Stderr: "Cannot connect to the Docker daemon"}); err == nil ||
		errors.Is(err, ErrNotServing) {
		t.Errorf("an engine that does not answer: %v", err)
	}
}
