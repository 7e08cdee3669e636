package assemble

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"fairlead/internal/database/postgres"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/program"
	"fairlead/internal/release"
	"fairlead/internal/step"
)

// maxBound bounds one file that a command is bound to, in bytes.
const maxBound = 1 << 30

// Bind gives the migration that a command is, bound to the files that it names: every word that is a regular file in the folder or below,
// and every file (or folder, with all that is in it) of more.
func Bind(dir string, command, more []string) (release.Migration, error) {
	m := release.Migration{Command: command, Files: map[string]string{}}
	for _, word := range command {
		if st, err := os.Stat(filepath.Join(dir, word)); err == nil && filepath.IsLocal(word) && st.Mode().IsRegular() {
			more = append(slices.Clone(more), word)
		}
	}
	for _, name := range more {
		if !filepath.IsLocal(name) {
			return m, fmt.Errorf("%s lies outside the current folder", name)
		}
		if err := bind(dir, name, m.Files); err != nil {
			return m, err
		}
	}
	var err error
	if m.SHA256, err = release.CommandSum(m.Command, m.Files); err != nil {
		return m, err
	}
	return m, m.Validate()
}

func bind(dir, name string, files map[string]string) error {
	return filepath.WalkDir(filepath.Join(dir, name), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		sum, err := sumFile(dir, rel)
		files[filepath.ToSlash(rel)] = sum
		return err
	})
}

// sumFile hashes a regular file in a folder or below; no symbolic link leads out.
func sumFile(dir, name string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	f, err := root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() > maxBound {
		return "", errors.Join(err, fmt.Errorf("%s is no regular file of at most 1 GiB", name))
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxBound+1)); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// bound tells whether the files of a command are those that it was bound to.
func bound(dir string, m release.Migration) func() error {
	return func() error {
		var all []string
		for name, want := range m.Files {
			got, err := sumFile(dir, name)
			switch {
			case err != nil:
				all = append(all, fmt.Sprintf("%s: %v", name, plainError(err)))
			case got != want:
				all = append(all, fmt.Sprintf("%s has the sha256 %.12s, it was bound with %.12s", name, got, want))
			}
		}
		for _, word := range m.Command {
			if _, ok := m.Files[filepath.ToSlash(filepath.Clean(word))]; ok || !filepath.IsLocal(word) {
				continue
			}
			if st, err := os.Stat(filepath.Join(dir, word)); err == nil && st.Mode().IsRegular() {
				all = append(all, word+" is a file that the command names, and it is not bound: list it under files")
			}
		}
		if len(all) == 0 {
			return nil
		}
		slices.Sort(all)
		return errors.New(strings.Join(all[:min(5, len(all))], "; "))
	}
}

func plainError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// commandStep is the migration that is a command.
func (p *Project) commandStep(m Migration) engine.Step {
	return step.Command{Database: p.database, Migration: m.Command, Limit: p.Config.Migration.Timeout, Check: bound(m.Dir, m.Command), Clock: systemClock{},
		Launch: p.launcher(m), Left: left, Again: m.Again != "", Bare: m.NoBackup != "", Decided: p.options.Decided}
}

// commandReview is the gate before it.
func (p *Project) commandReview(m Migration) engine.Step {
	return step.CommandReview{Migration: m.Command, Check: bound(m.Dir, m.Command), Waivers: p.waivers, Now: p.options.Now}
}

// left looks for what still runs of a run's command on this machine.
func left(run string, since time.Time) (string, []int, error) {
	machine, err := program.Machine()
	if err != nil {
		return "", nil, err
	}
	running, err := program.Running(run, since)
	return machine, running, err
}

// launcher starts the command in its folder, with the URL of the database in the configured variable.
func (p *Project) launcher(m Migration) func(string, func(string)) (step.Process, string, error) {
	return func(run string, say func(string)) (step.Process, string, error) {
		value, secrets, err := p.commandURL()
		if err != nil {
			return nil, "", err
		}
		folder := filepath.Join(p.options.State, "runs", run)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, "", fmt.Errorf("keep the output: %w", err)
		}
		log := filepath.Join(folder, "migrate.log")
		env := append(without(os.Environ(), p.Config.SecretVariables()), p.Config.Migration.Env+"="+value)
		process, err := program.Start(program.Spec{Argv: m.Command.Command, Dir: m.Dir, Env: env, Mark: run, Log: log, Secrets: secrets, Say: say})
		if err != nil {
			return nil, "", err
		}
		return process, log, nil
	}
}

// commandURL gives what the command's variable holds, and what of it must never be told.
func (p *Project) commandURL() (value string, secrets []string, err error) {
	var c postgres.Config
	if err := p.Config.Database.Decode(&c); err != nil {
		return "", nil, err
	}
	raw := c.URL.Reveal()
	u, err := url.Parse(raw)
	if err != nil {
		return "", nil, errors.New("database.url cannot be parsed")
	}
	password, _ := u.User.Password()
	value = raw
	if p.Config.Migration.Form == "npgsql" {
		value = npgsql(u, password)
	}
	return value, []string{raw, value, password, url.QueryEscape(password), url.PathEscape(password)}, nil
}

// npgsql is a URL in the form that .NET reads.
func npgsql(u *url.URL, password string) string {
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	s := fmt.Sprintf("Host=%s;Port=%s;Database=%s;Username=%s", quote(u.Hostname()), port, quote(strings.Trim(u.Path, "/")), quote(u.User.Username()))
	if password != "" {
		s += ";Password=" + quote(password)
	}
	if mode := map[string]string{"disable": "Disable", "allow": "Allow", "prefer": "Prefer", "require": "Require", "verify-ca": "VerifyCA", "verify-full": "VerifyFull"}[u.Query().Get("sslmode")]; mode != "" {
		s += ";SSL Mode=" + mode
	}
	return s
}

// runnable refuses what a command cannot do yet.
func (p *Project) runnable() error {
	var c postgres.Config
	if err := p.Config.Database.Decode(&c); err != nil {
		return err
	}
	if c.Marker == "none" {
		return &fault.Fault{Code: "command-marker", What: "a migration that is a command needs a marker in the database, and database.marker is none", Outcome: fault.Refused,
			Means: "production is unchanged; nothing was attempted: nothing could tell afterwards whether the command was started",
			Do:    []fault.Command{{Line: "fairlead migrate plan FILE", Why: "with SQL, which the tool can write: docs/migrations.md"}}}
	}
	if c.Via == "" || c.Via == postgres.ViaDirect {
		return nil
	}
	return &fault.Fault{Code: "command-via", What: fmt.Sprintf("a migration that is a command is not supported yet with database.via: %s", c.Via), Outcome: fault.Refused,
		Means: "production is unchanged; nothing was attempted: the command would need a way of its own to the database",
		Do:    []fault.Command{{Line: "fairlead migrate plan FILE", Why: "with SQL, which the tool can write: docs/migrations.md"}}}
}

// commandTerms is what is configured of how a command runs.
type commandTerms struct{ Env, Form, Timeout string }

func (p *Project) commandTerms(m *release.Migration) *commandTerms {
	if m == nil || !m.Commanded() {
		return nil
	}
	c := p.Config.Migration
	return &commandTerms{c.Env, c.Form, c.Timeout.String()}
}
