// Package server is the seam to one PostgreSQL server: how a connection is opened and its errors are told apart, how a
// way through a host is used, and how PostgreSQL's own programs are found and run. Every call opens its own direct
// connection and closes it; a pooler is refused. The password reaches a program by a file that no other process can
// open, never by argument or environment. Start with Open.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/fault"
)

// A Server is one database on one server. It keeps no connection and may be used by several goroutines.
type Server struct {
	Config      Config
	Session     Session
	Base        *pgx.ConnConfig
	query       url.Values
	IdleTimeout time.Duration // how long a session of ours may sit between two statements
}

// AppPrefix begins the application_name of every session of ours; only such sessions are ever ended.
const AppPrefix = "fairlead/"

// Open reads the configuration; it opens no connection. Zero limits are replaced by the defaults. Its errors are faults
// and never contain the password.
func Open(c Config, s Session) (*Server, error) {
	c = withDefaults(c)
	if (c.Via == ViaDirect) != (s.Reach == nil) {
		return nil, noWay(c.Via)
	}
	base, query, err := parseURL(c.URL.Reveal())
	if err != nil {
		return nil, &fault.Fault{Code: "database-url", What: "database.url cannot be used: " + err.Error(),
			Outcome: fault.Misused,
			Means:   "nothing was attempted; production is unchanged",
			Do: []fault.Command{{Line: "fairlead check", Why: "reads it again once it has the form " +
				"postgres://user:password@host:5432/database"}}}
	}
	d := &Server{Config: c, Session: s, Base: base, query: query, IdleTimeout: idleLimit}
	d.prepare()
	return d, nil
}

// parseURL reads a URL strictly: one host that stands in the URL itself, so that no variable of the environment can
// lead elsewhere.
func parseURL(raw string) (*pgx.ConnConfig, url.Values, error) {
	if !strings.HasPrefix(raw, "postgres://") && !strings.HasPrefix(raw, "postgresql://") {
		return nil, nil, fmt.Errorf("it does not begin with postgres://")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, nil, errors.New(
			"it is not a valid URL (special characters in the password must be percent-encoded)")
	}
	query := u.Query()
	host := u.Host + query.Get("host")
	switch {
	case strings.Contains(host, ","):
		return nil, nil, fmt.Errorf("it names several hosts; name the one server that is the primary")
	case u.Hostname() == "" && query.Get("host") == "":
		return nil, nil, fmt.Errorf("it names no host")
	case u.User.Username() == "" && query.Get("user") == "":
		return nil, nil, fmt.Errorf("it names no user")
	case strings.Trim(u.Path, "/") == "" && query.Get("dbname") == "":
		return nil, nil, fmt.Errorf("it names no database")
	case os.Getenv("PGSERVICE") != "":
		return nil, nil, fmt.Errorf("the variable PGSERVICE is set and would change where it leads; unset it")
	case query.Has("service"), query.Has("servicefile"), query.Has("passfile"):
		return nil, nil, fmt.Errorf("service, servicefile and passfile are not supported in it")
	}
	c, err := pgx.ParseConfig(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("it is refused (%s)", reason(err, u))
	}
	return c, query, nil
}

// reason gives pgx's word for what is wrong without anything that might be the password.
func reason(err error, u *url.URL) string {
	text := err.Error()
	if i := strings.LastIndex(text, "`: "); i >= 0 {
		text = text[i+3:]
	}
	return redact(text, u)
}

func redact(text string, u *url.URL) string {
	password, set := u.User.Password()
	for _, p := range []string{password, url.QueryEscape(password), url.PathEscape(password), u.Query().Get("password"),
		u.Query().Get("sslpassword")} {
		if set && len(p) > 0 || !set && len(p) > 3 {
			text = strings.ReplaceAll(text, p, "***")
		}
	}
	return text
}

// prepare sets what every connection has in common.
func (s *Server) prepare() {
	params := map[string]string{"application_name": ApplicationName(s.Session.Run)}
	for _, name := range []string{"options", "search_path"} {
		if s.query.Has(name) {
			params[name] = s.query.Get(name)
		}
	}
	s.Base.RuntimeParams = params
	s.Base.DefaultQueryExecMode = pgx.QueryExecModeExec
	s.Base.StatementCacheCapacity = 0
	s.Base.DescriptionCacheCapacity = 0
	if s.Base.ConnectTimeout == 0 || s.Base.ConnectTimeout > connectLimit {
		s.Base.ConnectTimeout = connectLimit
	}
	dialer := &net.Dialer{Timeout: s.Base.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 4}}
	s.Base.DialFunc = dialer.DialContext
	if s.Session.Reach != nil {
		s.Base.DialFunc = s.Session.Reach.Dial
		// the other side resolves it
		s.Base.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	}
	s.Base.OnNotice = s.notice
}

// ApplicationName is at most 63 bytes, as the server cuts it.
func ApplicationName(run string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, AppPrefix+run)
	return name[:min(len(name), 63)]
}

// Place names server and database, without user and password.
func (s *Server) Place() string {
	place := net.JoinHostPort(s.Base.Host, fmt.Sprint(s.Base.Port)) + "/" + s.Base.Database
	if s.Session.Reach != nil {
		place += " " + s.Session.Reach.Place()
	}
	return place
}

// In gives the same server with another database of it.
func (s *Server) In(name string) *Server {
	other := *s
	other.Base = s.Base.Copy()
	other.Base.Database = name
	return &other
}

// Backend is somebody's session on the server.
type Backend struct {
	PID         int
	Started     time.Time
	Application string
	User        string
	State       string
	Query       string
	Age         time.Duration // of its transaction
}

// Ours tells whether it is a session of a fairlead, this one or another.
func (b Backend) Ours() bool { return strings.HasPrefix(b.Application, AppPrefix) }

// Migrating tells whether it is running a statement that is not fairlead's own.
func (b Backend) Migrating() bool { return b.State == "active" && !strings.HasPrefix(b.Query, Tag) }

// String names it for a person.
func (b Backend) String() string {
	text := fmt.Sprintf("pid %d (user %s, %s", b.PID, b.User, b.State)
	if b.Application != "" {
		text += ", application " + b.Application
	}
	if b.Age > 0 {
		text += fmt.Sprintf(", transaction open for %s", b.Age.Round(time.Second))
	}
	text += ")"
	if b.Query != "" {
		text += ": " + Shortened(b.Query, 120)
	}
	return text
}

const backendColumns = `SELECT a.pid, coalesce(a.backend_start, 'epoch'), coalesce(a.application_name, ''),
	coalesce(a.usename, '?')::text,
	coalesce(a.state, 'state hidden'), left(coalesce(a.query, ''), 1000),
	coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8 FROM pg_stat_activity a `

// Backends gives the sessions that the rest of a statement selects, which calls pg_stat_activity a.
func Backends(ctx context.Context, conn *pgx.Conn, rest string, args ...any) ([]Backend, error) {
	ctx, cancel := context.WithTimeout(ctx, QueryLimit)
	defer cancel()
	rows, err := conn.Query(ctx, Tag+backendColumns+rest, args...)
	if err != nil {
		return nil, Classify(ctx, conn.PgConn(), "look at the server's sessions", err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (Backend, error) {
		var b Backend
		var age float64
		err := r.Scan(&b.PID, &b.Started, &b.Application, &b.User, &b.State, &b.Query, &age)
		b.Age = time.Duration(age * float64(time.Second))
		return b, err
	})
	return all, Classify(ctx, conn.PgConn(), "look at the server's sessions", err)
}

// Blockers gives the sessions that pid waits for.
func Blockers(ctx context.Context, conn *pgx.Conn, pid uint32) ([]Backend, error) {
	return Backends(ctx, conn, "WHERE a.pid = ANY (pg_blocking_pids($1)) ORDER BY a.xact_start LIMIT 20", int32(pid))
}
