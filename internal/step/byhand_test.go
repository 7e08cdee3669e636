package step_test

import (
	"strings"
	"testing"

	"fairlead/internal/engine"
	"fairlead/internal/step"
	"fairlead/internal/target/compose"
)

func TestSpec_gives_the_lines_of_the_target_beside_its_own(t *testing.T) {
	by := (*compose.Target)(nil).ByHand()
	for _, c := range []struct {
		spec engine.Spec
		want string
	}{
		{step.Check{ByHand: by}.Spec(),
			`ssh deploy@HOST docker version; ssh deploy@HOST df -h; psql "$PROD_DB_URL" -c 'select version()'`},
		{step.Confirm{ByHand: by}.Spec(), "cat release.json; docker manifest inspect IMAGE@sha256:…; sha256sum " +
			"migration.sql"},
		{step.Baseline{ByHand: by}.Spec(), "docker compose ps; docker image inspect --format '{{json .RepoDigests}}' " +
			"IMAGE"},
		{step.Prefetch{ByHand: by}.Spec(), "docker compose pull"},
		{step.Deploy{ByHand: by}.Spec(),
			"$EDITOR .env   # API_IMAGE, WORKER_IMAGE, WEB_IMAGE to digests; docker compose up -d"},
	} {
		if got := strings.Join(c.spec.Runbook, "; "); got != c.want {
			t.Errorf("%s: %s, want %s", c.spec.Name, got, c.want)
		}
	}
}
