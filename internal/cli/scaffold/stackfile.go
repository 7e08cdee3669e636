package scaffold

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fairlead/internal/fault"
	"fairlead/internal/operate"
)

// stackFile is what init needs of a compose file: the services and their images.
type stackFile struct {
	path     string
	services []service
}

// A service is one of its services. Variable is the one that its whole image is, "" for a literal image.
type service struct {
	name, image, variable string
}

// maxFile is the largest compose file that is read, in bytes.
const maxFile = 256 << 10

// usualNames are the usual names, the ones for production first.
func usualNames() []string {
	var all []string
	for _, dir := range []string{"", "infra", "deploy", "docker", "ops"} {
		for _, name := range []string{"docker-compose.prod.yml", "docker-compose.prod.yaml",
			"docker-compose.production.yml", "compose.prod.yaml",
			"compose.prod.yml", "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"} {
			all = append(all, filepath.Join(dir, name))
		}
	}
	return all
}

// readStack reads the file of that name, or the first of the usual names.
func readStack(path string) (stackFile, error) {
	if path == "" {
		i := slices.IndexFunc(usualNames(), func(n string) bool {
			st, err := os.Stat(n)
			return err == nil && st.Mode().IsRegular()
		})
		if i < 0 {
			return stackFile{}, unreadable("a compose file", errors.New("none of the usual names is there"))
		}
		path = usualNames()[i]
	}
	b, err := operate.ReadFile(path, maxFile)
	if err != nil {
		return stackFile{}, unreadable(path, err)
	}
	services, err := servicesOf(b)
	if err != nil {
		return stackFile{}, unreadable(path, err)
	}
	if len(services) == 0 {
		return stackFile{}, unreadable(path, errors.New("it has no services"))
	}
	return stackFile{path: path, services: services}, nil
}

// wholeVariable gives the name of the variable that a text is, with or without a default: ${NAME}, ${NAME:-x},
// ${NAME:?x}, $NAME.
func wholeVariable(s string) string {
	inner, ok := strings.CutPrefix(s, "${")
	if ok && strings.HasSuffix(inner, "}") {
		inner = inner[:len(inner)-1]
	} else if inner, ok = strings.CutPrefix(s, "$"); !ok {
		return ""
	}
	end := strings.IndexFunc(inner, func(r rune) bool { return !isWordRune(r) })
	name, rest := inner, ""
	if end >= 0 {
		name, rest = inner[:end], inner[end:]
	}
	switch {
	case name == "" || name[0] >= '0' && name[0] <= '9':
		return ""
	case rest == "":
		return name
	case !strings.HasPrefix(s, "${") || strings.ContainsAny(rest, "{}"):
		return ""
	}
	for _, op := range []string{":-", "-", ":?", "?"} {
		if strings.HasPrefix(rest, op) {
			return name
		}
	}
	return ""
}

func isWordRune(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// sort separates the services that a release can replace from those whose image is a literal. Services that are only
// built are neither.
func (s stackFile) sort() (released, fixed []service) {
	for _, svc := range s.services {
		switch {
		case svc.variable != "" && isName(svc.name):
			released = append(released, svc)
		case svc.image != "":
			fixed = append(fixed, svc)
		}
	}
	return released, fixed
}

func isName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !isWordRune(r) && r != '-' && r != '.' }) < 0
}

func unreadable(path string, err error) error {
	return &fault.Fault{Code: "stack-unreadable", What: path + " cannot be read", Err: err, Outcome: fault.Misused,
		Means: "nothing was written; production is unchanged",
		Do:    []fault.Command{{Line: "fairlead init --file PATH", Why: "names the compose file"}}}
}
