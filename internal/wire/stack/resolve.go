package stack

import (
	"path"
	"slices"
	"strings"
)

// Candidates lists the env files whose content decides, before anything is known, which one compose reads.
func (l Layout) Candidates() []string {
	files := []string{path.Join(l.Directory, ".env"), path.Join(path.Dir(l.abs(l.Files[0])), ".env")}
	if l.EnvStore != Auto {
		files = append(files, l.abs(l.EnvStore))
	}
	files = append(files, l.absAll(l.EnvFiles)...)
	slices.Sort(files)
	return slices.Compact(files)
}

// Resolve finds the env file that compose v2 reads for these files when it is typed in the layout's directory, and
// makes every path absolute. env gives the content of a file, and whether it exists.
//
// Compose's own rule (measured with v2.40.3): for "-f infra/x.yml" only infra/.env is read. Where the current folder's
// .env sets COMPOSE_FILE and no -f is typed, that .env is read and wins, and infra/.env fills what it does not name;
// the project's folder is infra all the same.
func (l Layout) Resolve(env func(string) ([]byte, bool)) (Stack, error) {
	s := Stack{Directory: path.Clean(l.Directory), Files: l.absAll(l.Files), Project: l.Project, Profiles: l.Profiles,
		Services: l.Services}
	s.ProjectDir = path.Dir(s.Files[0])
	here, beside := path.Join(s.Directory, ".env"), path.Join(s.ProjectDir, ".env")
	s.EnvFiles = l.absAll(l.EnvFiles)
	if l.EnvStore != Auto {
		s.Store = l.abs(l.EnvStore)
		s.EnvFiles = append(slices.DeleteFunc(s.EnvFiles, func(f string) bool { return f == s.Store }), s.Store)
		return s, nil
	}
	if len(s.EnvFiles) > 0 {
		s.Store = s.EnvFiles[len(s.EnvFiles)-1]
		return s, nil
	}
	s.Store, s.EnvFiles = beside, []string{beside}
	if here == beside {
		return s, nil
	}
	content, ok := env(here)
	if !ok {
		return s, nil
	}
	named, err := composeFile(content, l)
	if err != nil {
		return s, err
	}
	if slices.Equal(named, s.Files) {
		s.Store, s.EnvFiles = here, []string{beside, here}
	}
	return s, nil
}

// composeFile gives the files that COMPOSE_FILE names in an env file, or none.
func composeFile(content []byte, l Layout) ([]string, error) {
	f, err := ParseEnv(content)
	if err != nil {
		return nil, err
	}
	list, ok := f.Value("COMPOSE_FILE")
	if !ok || list == "" {
		return nil, nil
	}
	sep, ok := f.Value("COMPOSE_PATH_SEPARATOR")
	if !ok || sep == "" {
		sep = ":"
	}
	return l.absAll(strings.Split(list, sep)), nil
}
