package stack

import (
	"encoding/json"
	"slices"

	"fairlead/internal/release"
)

// bundle is the fingerprint of the configuration bundle: the bytes of the compose files, the names of the variables in
// the env files (image keys left out, values never in it), project and profiles. It is the same on every host that has
// the same files.
func (k *look) bundle() string {
	type hashed struct{ Name, SHA256 string }
	s := k.seen.Stack
	b := struct {
		Schema   string
		Project  string
		Profiles []string
		Files    []hashed
		Names    []string
	}{Schema: "fairlead.bundle/1", Project: s.Project, Profiles: s.Profiles}
	for _, f := range s.Files {
		b.Files = append(b.Files, hashed{k.rel(f), release.SumDigest(k.files[f].content).Hex()})
	}
	for _, name := range s.EnvFiles {
		f, err := ParseEnv(k.files[name].content)
		if err != nil {
			continue
		}
		for _, n := range f.Names() {
			if !slices.ContainsFunc(s.Services, func(key Key) bool { return key.ImageEnv == n }) {
				b.Names = append(b.Names, n)
			}
		}
	}
	slices.Sort(b.Names)
	b.Names = slices.Compact(b.Names)
	text, _ := json.Marshal(b)
	return release.SumDigest(text).String()
}
