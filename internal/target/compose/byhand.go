package compose

import "fairlead/internal/target"

// ByHand gives the commands of docker and compose that do the same.
func (t *Target) ByHand() target.Runbook {
	return target.Runbook{
		Check:   []string{"ssh deploy@HOST docker version", "ssh deploy@HOST df -h"},
		Confirm: []string{"docker manifest inspect IMAGE@sha256:…"},
		Observe: []string{"docker compose ps", "docker image inspect --format '{{json .RepoDigests}}' IMAGE"},
		Pull:    []string{"docker compose pull"},
		Replace: []string{"$EDITOR .env   # API_IMAGE, WORKER_IMAGE, WEB_IMAGE to digests", "docker compose up -d"},
		Room:    "docker system df",
	}
}
