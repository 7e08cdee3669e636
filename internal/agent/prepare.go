package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead/internal/container"
	"fairlead/internal/fault"
	"fairlead/internal/release"
	"fairlead/internal/wire"
	"fairlead/internal/wire/stack"
)

// pullLimit is how long one image may take.
const pullLimit = 15 * time.Minute

// prepare pulls the images, proves that the engine has exactly them, and keeps these and those that run now by local
// tags, which spares them from pruning. Nothing that serves is changed.
func (s Server) prepare(ctx context.Context, b stack.Prepare, say func(any) error) (any, error) {
	k, err := s.keeperOf(b.Place)
	if err != nil {
		return nil, err
	}
	if err := k.raise(b.Ticket); err != nil {
		return nil, err
	}
	seen, err := lookHere(ctx, b.Place, b.Layout)
	if err != nil {
		return nil, err
	}
	out := wire.Prepared{Images: map[string]string{}, Kept: []string{}}
	for _, service := range seen.Services {
		for _, r := range service.Replicas {
			if err := keepImage(ctx, b.Place.App, service.Name, r, &out); err != nil {
				return nil, err
			}
		}
	}
	for _, i := range b.Images {
		_ = say(wire.Saying{Text: i.Service + ": " + i.Image})
		id, err := fetch(ctx, i)
		if err != nil {
			return nil, err
		}
		out.Images[i.Image] = id
		if err := tag(ctx, id, localTag(b.Place.App, i.Service, i.Image)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lookHere looks at this host and refuses what stands against a rollout.
func lookHere(ctx context.Context, p wire.Place, l stack.Layout) (stack.Observation, error) {
	if err := l.Validate(); err != nil {
		return stack.Observation{}, wire.Fail(wire.CodeBadRequest, err.Error(), nil)
	}
	seen, err := stack.Look(ctx, Local{}, l, p)
	if err != nil {
		return seen, fmt.Errorf("look at the host: %w", err)
	}
	if len(seen.Problems) == 0 {
		return seen, nil
	}
	first := seen.Problems[0]
	return seen, &fault.Fault{Code: first.Code, What: first.What, Outcome: fault.Refused,
		Means: "nothing on this host was changed", Do: first.Do}
}

// fetch gives the engine's id of an image, pulled when it is not here.
func fetch(ctx context.Context, i stack.Image) (string, error) {
	if _, err := release.ParseImage(i.Service, i.Image); err != nil {
		return "", wire.Fail(wire.CodeBadRequest, err.Error(), nil)
	}
	if id, err := has(ctx, i.Image); id != "" || err != nil {
		return id, err
	}
	pull := wire.Command{Argv: []string{"docker", "pull", "--quiet", "--", i.Image}, Timeout: pullLimit}
	var a wire.Answer
	for try := range 3 {
		answers, err := Local{}.Run(ctx, pull)
		if err != nil {
			return "", fmt.Errorf("pull %s: %w", i.Image, err)
		}
		if a = answers[0]; a.Code == 0 {
			break
		}
		if try < 2 && !pause(ctx, time.Second<<try) {
			return "", ctx.Err()
		}
	}
	if a.Code != 0 {
		return "", &fault.Fault{Code: "pull-failed", Err: a.Err("docker pull"),
			What:  fmt.Sprintf("the host could not pull %s", i.Image),
			Means: "no service was touched; images that were pulled stay",
			Do:    []fault.Command{{Line: "docker pull " + i.Image, Why: "on the host, as the deploy user"}}}
	}
	id, err := has(ctx, i.Image)
	if err == nil && id == "" {
		err = fmt.Errorf("the engine pulled %s and does not have it under this digest", i.Image)
	}
	return id, err
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// has gives the id of the image that the engine knows under exactly this digest, or "".
func has(ctx context.Context, ref string) (string, error) {
	answers, err := Local{}.Run(ctx, stack.ImageCommand(ref))
	if err != nil {
		return "", err
	}
	i, ok, err := stack.ReadImage(answers[0])
	if err != nil || !ok || !slices.Contains(i.Digests, ref) {
		return "", err
	}
	return i.ID, nil
}

// keepImage tags the image of a running replica.
func keepImage(ctx context.Context, app, service string, r container.Replica, out *wire.Prepared) error {
	name := localTag(app, service, r.ImageID)
	for _, d := range r.Digests {
		if d == r.Image || len(r.Digests) == 1 {
			name = localTag(app, service, d)
		}
	}
	if slices.Contains(out.Kept, name) {
		return nil
	}
	if err := tag(ctx, r.ImageID, name); err != nil {
		return err
	}
	out.Kept = append(out.Kept, name)
	return nil
}

func tag(ctx context.Context, id, name string) error {
	answers, err := Local{}.Run(ctx, wire.Command{Argv: []string{"docker", "tag", "--", id, name},
		Timeout: 30 * time.Second})
	if err != nil {
		return err
	}
	return answers[0].Err("docker tag")
}

// localTag is the name by which an image is kept: fairlead/<app>/<service>:<first twelve digits of its digest>.
func localTag(app, service, ref string) string {
	digest := ref[strings.LastIndex(ref, ":")+1:]
	return "fairlead/" + repoWord(app) + "/" + repoWord(service) + ":" + digest[:min(len(digest), 12)]
}

// repoWord makes a part of a repository's name: lower case, separators only between letters and digits.
func repoWord(s string) string {
	s = strings.ToLower(strings.ReplaceAll(s, "+", "-"))
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == '_' || r == '-' })
	return cmp.Or(strings.Join(parts, "-"), "x")
}
