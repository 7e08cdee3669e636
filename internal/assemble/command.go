package assemble

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fairlead/internal/config"
	"fairlead/internal/program"
	"fairlead/internal/step"
)

// command is the act of a migration that is a command, which gets the URL of the database in the configured variable.
func command(b blocks, d migratedDatabase, environ []string, o Options) step.Command {
	c := step.Command{Database: d, Limit: b.Migration.Timeout, Clock: systemClock{}, Left: left, Decided: o.Decided}
	if b.database != nil {
		c.Launch = launcher{b.database.URL, b.Migration.Env, b.Migration.Form, environ, o.State}.launch
	}
	return c
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

// launcher starts commands, each with the URL of the database in a variable.
type launcher struct {
	url            config.Secret
	variable, form string
	environ        []string
	state          string
}

func (l launcher) launch(x step.Launch) (step.Process, string, error) {
	value, secrets, err := l.value()
	if err != nil {
		return nil, "", err
	}
	folder := filepath.Join(l.state, "runs", x.Run)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, "", fmt.Errorf("keep the output: %w", err)
	}
	log := filepath.Join(folder, "migrate.log")
	env := append(l.environ[:len(l.environ):len(l.environ)], l.variable+"="+value)
	process, err := program.Start(program.Spec{Argv: x.Argv, Dir: x.Dir, Env: env, Mark: x.Run, Log: log,
		Secrets: secrets, Say: x.Say})
	if err != nil {
		return nil, "", err
	}
	return process, log, nil
}

// value gives what the variable holds, and what of it must never be told.
func (l launcher) value() (value string, secrets []string, err error) {
	raw := l.url.Reveal()
	u, err := url.Parse(raw)
	if err != nil {
		return "", nil, errors.New("database.url cannot be parsed")
	}
	password, _ := u.User.Password()
	value = raw
	if l.form == "npgsql" {
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
	s := fmt.Sprintf("Host=%s;Port=%s;Database=%s;Username=%s", quote(u.Hostname()), port,
		quote(strings.Trim(u.Path, "/")),
		quote(u.User.Username()))
	if password != "" {
		s += ";Password=" + quote(password)
	}
	modes := map[string]string{"disable": "Disable", "allow": "Allow", "prefer": "Prefer", "require": "Require",
		"verify-ca":   "VerifyCA",
		"verify-full": "VerifyFull"}
	if mode := modes[u.Query().Get("sslmode")]; mode != "" {
		s += ";SSL Mode=" + mode
	}
	return s
}
