package release

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// The most that a migration's command may hold: words, bytes of one word, files.
const (
	maxWords = 256
	maxWord  = 4096
	maxFiles = 10_000
)

// Commanded tells whether the migration is a command of the team's own tool, and no SQL.
func (m Migration) Commanded() bool { return len(m.Command) > 0 }

// CommandSum is what identifies a migration that is a command: the SHA-256 of the canonical form of its words and of
// the files that it names with their sums. A changed word or file is another migration.
func CommandSum(command []string, files map[string]string) (string, error) {
	if files == nil {
		files = map[string]string{}
	}
	return Canonical(struct {
		Command []string          `json:"command"`
		Files   map[string]string `json:"files"`
	}{command, files})
}

// Validate tells what is missing or malformed in a migration.
func (m Migration) Validate() error {
	switch {
	case m.Commanded() && m.File != "":
		return errors.New("release: migration has a file and a command; it is one of them")
	case !m.Commanded() && len(m.Files) > 0:
		return errors.New("release: migration.files is only for a command")
	case !m.Commanded() && (m.File == "" || !isHex64(m.SHA256)):
		return errors.New("release: migration needs a file and its sha256 (64 hex digits)")
	case !m.Commanded():
		return nil
	}
	return m.command()
}

func (m Migration) command() error {
	if len(m.Command) > maxWords || len(m.Files) > maxFiles {
		return fmt.Errorf("release: migration.command may have %d words and %d files", maxWords, maxFiles)
	}
	for i, w := range m.Command {
		if len(w) > maxWord || strings.ContainsRune(w, 0) || i == 0 && strings.TrimSpace(w) == "" {
			return fmt.Errorf("release: word %d of migration.command cannot be run", i+1)
		}
	}
	for name, sum := range m.Files {
		if name == "" || path.IsAbs(name) || path.Clean(name) != name || name == ".." ||
			strings.HasPrefix(name, "../") || !isHex64(sum) {
			return fmt.Errorf("release: migration.files: %.80q must be a file in the folder of the release file or "+
				"below, with its sha256", name)
		}
	}
	want, err := CommandSum(m.Command, m.Files)
	if err != nil {
		return err
	}
	if m.SHA256 != want {
		return fmt.Errorf("release: migration.sha256 is %.80q, of command and files it is %s", m.SHA256, want)
	}
	return nil
}

// Name is what people call the migration: its file, or its command.
func (m Migration) Name() string {
	if m.Commanded() {
		return m.Line()
	}
	return m.File
}

// Call is how the migration is named on a command line: the files that the command depends on beyond those among its
// words, and the command.
func (m Migration) Call() string {
	var more []string
	for name := range m.Files {
		if !slices.ContainsFunc(m.Command, func(w string) bool { return path.Clean(w) == name }) {
			more = append(more, name)
		}
	}
	slices.Sort(more)
	s := ""
	for i, name := range more {
		if i == maxShown {
			s += "--with … "
			break
		}
		s += "--with " + (Migration{Command: []string{name}}).Line() + " "
	}
	return s + "-- " + m.Line()
}

// maxShown is how many files are named on a command line that is only to be read.
const maxShown = 6

// Line is the command for people, words with blanks in quotes.
func (m Migration) Line() string {
	words := slices.Clone(m.Command)
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$`;&|<>(){}*?") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
