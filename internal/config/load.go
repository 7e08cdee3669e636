package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"fairlead/internal/fault"
)

// MaxFile is the largest fairlead.yaml that is read, in bytes.
const MaxFile = 1 << 20

// Load reads and checks the file. env answers for ${NAME}; it is asked only for names that stand in fields that allow
// them. Errors are a *fault.Fault (config-missing, config-unreadable, config-invalid) and nothing has been attempted;
// each line of a config-invalid begins with file:line:column.
func Load(path string, env func(string) (string, bool)) (Config, error) {
	b, p, err := read(path, env)
	if err != nil {
		return Config{}, err
	}
	return parse(b, p)
}

func parse(b []byte, p *origin) (Config, error) {
	node, err := parseYAML(b, p)
	if err != nil {
		return Config{}, invalid(err)
	}
	c := Config{root: Block{node: node, origin: p}}
	if err := c.root.Decode(&c); err != nil {
		return Config{}, err
	}
	if err := c.validate(); err != nil {
		return c, err
	}
	if c.Approval.From == "" {
		c.Approval = Approval{From: "none", Reason: "no approval is configured"}
	}
	return c, nil
}

// origin is where a file stands and what its variables mean.
type origin struct {
	file string
	dir  string
	env  func(string) (string, bool)
	// secrets are the variables that secrets were made of, as far as blocks have been decoded.
	secrets map[string]bool
}

// noteSecret remembers a variable that holds a secret.
func (p *origin) noteSecret(name string) {
	if p.secrets == nil {
		p.secrets = map[string]bool{}
	}
	p.secrets[name] = true
}

// SecretVariables lists the variables of the environment whose values went into secrets, of all blocks that were
// decoded until now. No program that is started by this one needs them.
func (c Config) SecretVariables() []string {
	if c.root.origin == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(c.root.origin.secrets))
}

func read(path string, env func(string) (string, bool)) ([]byte, *origin, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if os.IsNotExist(err) {
		return nil, nil, &fault.Fault{Code: "config-missing", What: fmt.Sprintf("there is no %s", path),
			Means: unchanged, Outcome: fault.Misused,
			Do: []fault.Command{{Line: "fairlead init", Why: "writes one from your compose file"},
				{Line: "fairlead --config PATH …", Why: "names another file"}}}
	}
	if err != nil {
		return nil, nil, unreadable(path, err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return nil, nil, unreadable(path, err)
	} else if !st.Mode().IsRegular() {
		return nil, nil, unreadable(path, errors.New("it is not a regular file"))
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, nil, unreadable(path, err)
	}
	if len(b) > MaxFile {
		return nil, nil, unreadable(path, errors.New("it is larger than 1 MiB"))
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, nil, unreadable(path, err)
	}
	return b, &origin{file: path, dir: dir, env: env}, nil
}

const unchanged = "nothing was attempted; production is unchanged"

func unreadable(path string, err error) error {
	return &fault.Fault{Code: "config-unreadable", What: fmt.Sprintf("%s cannot be read", path), Means: unchanged,
		Err: err, Outcome: fault.Misused,
		Do: []fault.Command{{Line: "ls -l " + path, Why: "shows what it is and who may read it"}}}
}
