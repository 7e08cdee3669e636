package host

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"fairlead/internal/release"
)

// MaxAgent is the largest agent program that is sent, in bytes.
const MaxAgent = 32 << 20

// Agents finds the agent program for a host's system. Embedded is looked at first (agents/fairlead-agent-OS-ARCH in
// it), then the folders in order. A zero Agents finds none.
type Agents struct {
	Embedded fs.FS
	Folders  []string
}

// FindAgents looks where agents usually are: the folder named by FAIRLEAD_AGENT_DIR (its value, or ""), what is
// embedded in this program, and beside it.
func FindAgents(folder, executable string) Agents {
	if folder != "" {
		return Agents{Folders: []string{folder}}
	}
	a := Agents{Embedded: embedded()}
	if executable != "" {
		a.Folders = append(a.Folders, filepath.Dir(executable))
	}
	return a
}

// A program is one agent, whole: it is small.
type program struct {
	content []byte
	sha256  string
}

// Find gives the agent for a system, or a fault that matches ErrNoAgent and says how to get one.
func (a Agents) find(goos, goarch string) (program, error) {
	name := fmt.Sprintf("fairlead-agent-%s-%s", goos, goarch)
	if a.Embedded != nil {
		if b, err := fs.ReadFile(a.Embedded, "agents/"+name); err == nil {
			return program{b, release.SumDigest(b).Hex()}, nil
		}
	}
	for _, folder := range a.Folders {
		b, err := readLimited(filepath.Join(folder, name))
		switch {
		case err == nil:
			return program{b, release.SumDigest(b).Hex()}, nil
		case !os.IsNotExist(err):
			return program{}, fmt.Errorf("read the agent: %w", err)
		}
	}
	return program{}, noAgent(a, goos, goarch, name)
}

func readLimited(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxAgent+1))
	if err == nil && len(b) > MaxAgent {
		err = fmt.Errorf("%s is larger than %d bytes", name, MaxAgent)
	}
	return b, err
}
