package lab

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// StackOptions say what an application looks like on the host. The zero value
// has three services, with images from infra/.env.
type StackOptions struct {
	// App is the application's name; empty means shop. One stack per name.
	App string
	// Compose replaces the compose file's text. It may use the verbs of
	// ComposeFile, whose text is the default.
	Compose string
	// Replicas is the worker's number of replicas; zero means one.
	Replicas int
	// EnvFile gives the api service an env_file on the .env that compose reads.
	EnvFile bool
	// WithoutHealth leaves the containers' health checks out.
	WithoutHealth bool
}

// Stack is one application in the lab: a target directory, a compose project, a
// database with a role of its own, ports. Stacks do not touch each other.
type Stack struct {
	Lab *Lab
	// App is the name, also the registry's and the database's.
	App string
	// Dir is the target directory, owned by the deploy user; ComposePath and
	// EnvPath are the files in it.
	Dir         string
	ComposePath string
	EnvPath     string
	// Project is the compose project that these files make by default.
	Project string
	// DatabaseURL is the application's database with its own role, which owns it.
	DatabaseURL string
	// Password is that role's, to be searched for in outputs.
	Password string
	// APIURL and WebURL are the published addresses, without a path.
	APIURL string
	WebURL string

	number int
}

// Stack makes a new application on the lab's host. Nothing runs yet.
func (l *Lab) Stack(ctx context.Context, o StackOptions) (*Stack, error) {
	if o.App == "" {
		o.App = "shop"
	}
	number, err := l.claimNumber()
	if err != nil {
		return nil, err
	}
	s := l.stack(o.App, number)
	if err := s.writeFiles(o); err != nil {
		return nil, err
	}
	if err := s.createDatabase(ctx); err != nil {
		return nil, err
	}
	return s, os.WriteFile(filepath.Join(l.Dir, "stacks", o.App), []byte(strconv.Itoa(number)), 0o644)
}

// OpenStack gives the stack of this name, made earlier by this or another process.
func (l *Lab) OpenStack(app string) (*Stack, error) {
	text, err := os.ReadFile(filepath.Join(l.Dir, "stacks", app))
	if err != nil {
		return nil, fmt.Errorf("no stack named %s: %w", app, err)
	}
	number, err := strconv.Atoi(string(text))
	if err != nil {
		return nil, err
	}
	return l.stack(app, number), nil
}

func (l *Lab) stack(app string, number int) *Stack {
	lab, _ := url.Parse(l.DatabaseURL)
	password, _ := lab.User.Password()
	password += "-" + app
	own := *lab
	own.User = url.UserPassword(app, password)
	own.Path = "/" + app
	dir := filepath.Join(l.Dir, "srv", app)
	return &Stack{
		Lab: l, App: app, Dir: dir,
		ComposePath: filepath.Join(dir, "infra", "docker-compose.prod.yml"),
		EnvPath:     filepath.Join(dir, "infra", ".env"),
		Project:     app,
		DatabaseURL: own.String(),
		Password:    password,
		APIURL:      fmt.Sprintf("http://127.0.0.1:%d", 18080+10*number),
		WebURL:      fmt.Sprintf("http://127.0.0.1:%d", 18081+10*number),
		number:      number,
	}
}

// claimNumber takes the next free number; ports are made from it.
func (l *Lab) claimNumber() (int, error) {
	root := filepath.Join(l.Dir, "stacks")
	for n := range 1000 {
		err := os.MkdirAll(root, 0o755)
		if err == nil {
			err = os.Mkdir(filepath.Join(root, fmt.Sprintf(".%d", n)), 0o755)
		}
		if err == nil || !errors.Is(err, os.ErrExist) {
			return n, err
		}
	}
	return 0, errors.New("a thousand stacks are too many")
}

func (s *Stack) createDatabase(ctx context.Context) error {
	c, err := s.Lab.connect(ctx, s.Lab.DatabaseURL)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	role := pgx.Identifier{s.App}.Sanitize()
	for _, sql := range []string{
		"CREATE ROLE " + role + " LOGIN PASSWORD '" + s.Password + "'",
		"CREATE DATABASE " + role + " OWNER " + role,
	} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("create the database of %s: %w", s.App, err)
		}
	}
	return nil
}

// Remove ends the stack's containers and drops its database and files.
func (s *Stack) Remove(ctx context.Context) error {
	var failed []error
	if err := s.removeContainers(ctx); err != nil {
		failed = append(failed, err)
	}
	c, err := s.Lab.connect(ctx, s.Lab.DatabaseURL)
	if err != nil {
		return errors.Join(append(failed, err)...)
	}
	defer c.Close(ctx)
	role := pgx.Identifier{s.App}.Sanitize()
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + role + " WITH (FORCE)", "DROP ROLE IF EXISTS " + role} {
		if _, err := c.Exec(ctx, sql); err != nil {
			failed = append(failed, err)
		}
	}
	failed = append(failed, os.RemoveAll(s.Dir),
		os.RemoveAll(filepath.Join(s.Lab.Dir, "stacks", s.App)),
		os.RemoveAll(filepath.Join(s.Lab.Dir, "stacks", fmt.Sprintf(".%d", s.number))))
	return errors.Join(failed...)
}

// connect opens a connection in the lab's network.
func (l *Lab) connect(ctx context.Context, url string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	c.DialFunc = l.Dial
	return pgx.ConnectConfig(ctx, c)
}

// Rows runs one query as the application's role and gives every value as text;
// NULL is "NULL".
func (s *Stack) Rows(ctx context.Context, sql string) ([][]string, error) {
	c, err := s.Lab.connect(ctx, s.DatabaseURL)
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	rows, err := c.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all [][]string
	for rows.Next() {
		row := []string{}
		for _, v := range rows.RawValues() {
			if v == nil {
				row = append(row, "NULL")
				continue
			}
			row = append(row, string(v))
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// Exec runs SQL, several statements at will, as the application's role.
func (s *Stack) Exec(ctx context.Context, sql string) error {
	c, err := s.Lab.connect(ctx, s.DatabaseURL)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, sql)
	return err
}
