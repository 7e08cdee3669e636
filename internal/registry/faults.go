package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"fairlead/internal/fault"
)

const unchanged = "nothing was changed; production is unchanged"

func (l *looking) fault(code fault.Code, err error) *fault.Fault {
	ref := l.image.Ref()
	f := &fault.Fault{Code: code, What: fmt.Sprintf("%s: the image %s cannot be used", l.image.Service, ref),
		Means: unchanged, Err: err, Outcome: fault.Refused}
	switch code {
	case "registry-unreachable", "registry-busy", "registry-credentials":
		f.What = fmt.Sprintf("%s: the registry was not able to tell about %s", l.image.Service, ref)
		f.Do = []fault.Command{{Line: "docker manifest inspect " + ref,
			Why: "asks the registry the same; when it answers, the same command again"}}
	case "image-mislabelled":
		f.Do = []fault.Command{{Line: "docker buildx imagetools inspect " + ref,
			Why: "shows its labels; release the image that was built from the commit"}}
	default:
		f.Do = []fault.Command{{Line: "docker manifest inspect " + ref,
			Why: "asks the registry the same with docker's own login"}}
	}
	return f
}

// trouble turns what the library says about a part of the image into a fault.
func (l *looking) trouble(err error, part string) *fault.Fault {
	var te *transport.Error
	switch {
	case errors.Is(err, errPlain):
		f := l.fault("registry-unreachable", errors.New("it answers only without TLS, or not at all"))
		f.Do = []fault.Command{{Line: fmt.Sprintf("registry: {plain_http: [%q]}", l.repo.RegistryStr()),
			Why: "in fairlead.yaml, if plain HTTP is meant"}}
		return f
	case errors.As(err, &te):
		return l.answered(te, part)
	case strings.Contains(err.Error(), "does not match requested digest"),
		strings.Contains(err.Error(), "error verifying sha256"):
		return l.fault("image-corrupt", fmt.Errorf("the bytes of its %s do not hash to their digest", part))
	case errors.Is(err, context.DeadlineExceeded):
		return l.fault("registry-unreachable", fmt.Errorf("no answer in time for its %s", part))
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return l.fault("image-unusable", fmt.Errorf("its %s is larger than %d MiB", part, maxBody>>20))
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		return l.fault("registry-unreachable", plainly(l.repo.RegistryStr(), ue.Err))
	}
	return l.fault("image-unusable", fmt.Errorf("its %s: %w", part, err))
}

// answered reads an error status. Registries say "not found" for what an account may not see, so both readings are
// named.
func (l *looking) answered(te *transport.Error, part string) *fault.Fault {
	switch te.StatusCode {
	case http.StatusNotFound, http.StatusUnauthorized, http.StatusForbidden:
		f := l.fault("image-missing", fmt.Errorf(
			"its %s does not exist in the registry, or this account (%s) may not read it; the answer was %s",
			part, l.credentials, verdict(te)))
		if strings.HasPrefix(part, "layer") || strings.HasPrefix(part, "configuration") {
			f.Code = "image-gone"
			f.Err = fmt.Errorf("its manifest exists, but its %s is gone or may not be read (account: %s); the answer "+
				"was %s", part, l.credentials, verdict(te))
		}
		f.Do = append(f.Do, fault.Command{Line: "docker login " + l.repo.RegistryStr(),
			Why: "if the account is the reason"})
		return f
	case http.StatusTooManyRequests:
		return l.fault("registry-busy", errors.New("it asks to slow down (429); wait and try again"))
	}
	if te.StatusCode >= 500 {
		return l.fault("registry-unreachable", fmt.Errorf("it answered %s for its %s", verdict(te), part))
	}
	return l.fault("image-unusable", fmt.Errorf("the registry answered %s for its %s", verdict(te), part))
}

// verdict is the status with the codes of the answer, and none of its free text.
func verdict(te *transport.Error) string {
	words := []string{fmt.Sprint(te.StatusCode)}
	for _, d := range te.Errors {
		words = append(words, fault.Clip(string(d.Code), 80))
	}
	return strings.Join(words, " ")
}

// together makes one fault of those of several images.
func together(errs []error) error {
	all := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	first, _ := fault.Find(all[0])
	f := &fault.Fault{Code: first.Code, What: fmt.Sprintf("%d of %d images cannot be used", len(all), len(errs)),
		Means: unchanged, Outcome: fault.Refused, Err: errors.Join(all...)}
	answered := func(err error) bool {
		one, ok := fault.Find(err)
		return !ok || one.Code != "registry-unreachable"
	}
	if !slices.ContainsFunc(all, answered) {
		f.What, f.Err = fmt.Sprintf("the registry was not able to tell about %d of %d images", len(all), len(errs)),
			first.Err
	}
	seen := map[string]bool{}
	for _, err := range all {
		one, _ := fault.Find(err)
		for _, c := range one.Do {
			if !seen[c.Line] {
				f.Do, seen[c.Line] = append(f.Do, c), true
			}
		}
	}
	return f
}

// plainly names a registry and why it gave no answer, without the words of the network library around it.
func plainly(registry string, err error) error {
	var dns *net.DNSError
	var sys *os.SyscallError
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("the name of %s does not resolve", registry)
	case errors.As(err, &sys):
		return fmt.Errorf("%s: %w", registry, sys.Err)
	}
	return fmt.Errorf("%s: %w", registry, err)
}

// short is a digest as people read it.
func short(digest string) string {
	return digest[:min(len(digest), 19)]
}
