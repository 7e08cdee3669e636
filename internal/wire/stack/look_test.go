package stack

import (
	"context"
	"testing"

	"fairlead/internal/fault"
	"fairlead/internal/wire"
)

// answers is a host that gives the same answers whatever it is asked.
type answers map[int]wire.Answer

func (a answers) Run(_ context.Context, commands ...wire.Command) ([]wire.Answer, error) {
	all := make([]wire.Answer, len(commands))
	for i := range all {
		all[i] = a[i]
	}
	return all, nil
}

func TestLook_stops_at_a_host_without_engine_or_compose(t *testing.T) {
	l := Layout{Directory: "/opt/app", Files: []string{"compose.yml"}, EnvStore: Auto,
		Services: []Key{{"api", "API_IMAGE"}}}
	for code, host := range map[fault.Code]answers{
		"no-engine":  {0: {Code: 1, Stderr: "Cannot connect to the Docker daemon"}},
		"no-compose": {1: {Code: 125, Stderr: "unknown command: docker compose"}},
	} {
		seen, err := Look(t.Context(), host, l,
			wire.Place{Directory: "/opt/app", App: "shop", Environment: "production"})
		if err != nil || len(seen.Problems) != 1 || seen.Problems[0].Code != code || len(seen.Problems[0].Do) == 0 {
			t.Errorf("%s: %+v, %v", code, seen.Problems, err)
		}
	}
}
