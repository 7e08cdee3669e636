package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/wire"
)

// A Tool is one of PostgreSQL's programs: here, or where site is not nil, at the other end of the Reach.
type Tool struct {
	path, Version string
	Site          *wire.Site
}

// where names tool and place.
func (t Tool) where(name string) string {
	if t.Site == nil {
		return name
	}
	return name + " " + t.Site.Name
}

// Whereabouts is what is told of it before it runs.
func (t Tool) Whereabouts() string {
	if t.Site == nil || t.Version == "" {
		return t.Version
	}
	return t.Version + " (" + t.Site.Name + ")"
}

// Tool finds a program of at least this major version: here, else on the host or in the container that the Reach leads
// to. Where no place has it, the error is that of toolHere and says what the other places lack.
func (s *Server) Tool(ctx context.Context, name string, major int) (Tool, error) {
	found, here := s.ToolHere(ctx, name, major)
	if here == nil || s.Session.Reach == nil || !errors.Is(here, database.ErrVersion) {
		return found, here
	}
	if s.Session.DirectoryJobs > 0 && name != "pg_dumpall" {
		return found, fmt.Errorf("%w (the directory format is written and read on this machine only)", here)
	}
	sites, err := s.Session.Reach.Sites(ctx)
	if err != nil {
		return found, fmt.Errorf("look for %s elsewhere: %w", name, err)
	}
	var lacks []string
	for _, site := range sites {
		if why := s.unfit(name); why != "" {
			lacks = append(lacks, site.Name+": "+why)
			continue
		}
		t, why, err := s.find(ctx, site, name, major)
		if err != nil {
			return found, fmt.Errorf("look for %s %s: %w", name, site.Name, err)
		}
		if why == "" {
			return t, nil
		}
		lacks = append(lacks, site.Name+": "+why)
	}
	if len(lacks) > 0 {
		here = fmt.Errorf("%w; and %s", here, strings.Join(lacks, "; "))
	}
	return found, here
}

// unfit says why a program that connects can run nowhere but here, "" where it can.
func (s *Server) unfit(name string) string {
	if name == "pg_restore" {
		return "" // it reads an archive and connects to nothing
	}
	mode := ""
	for _, v := range s.tlsSettings() {
		key, value, _ := strings.Cut(v, "=")
		switch key {
		case "PGSSLMODE":
			mode = value
		case "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL":
			return "the URL's certificates lie on this machine"
		}
	}
	if strings.HasPrefix(mode, "verify-") {
		return "sslmode=" + mode + " is kept with certificates of this machine only"
	}
	return ""
}

// search prints path and version of each of its arguments that is a program.
const search = `for p; do
	command -v "$p" >/dev/null 2>&1 || continue
	v=$(LC_ALL=C "$p" --version 2>/dev/null) && printf '%s\t%s\n' "$p" "$v"; done; exit 0`

// find looks in one place; why says what it lacks.
func (s *Server) find(ctx context.Context, site wire.Site, name string, major int) (t Tool, why string, err error) {
	ctx, cancel := context.WithTimeout(ctx, QueryLimit)
	defer cancel()
	argv := []string{"sh", "-c", search, "sh"}
	for m := major; m <= major+newestMajor; m++ {
		for _, form := range programFolders[:2] {
			argv = append(argv, fmt.Sprintf(form, m)+"/"+name)
		}
	}
	out := &Tail{}
	e, err := s.Session.Reach.Exec(ctx, site.Name, wire.Exec{Argv: append(argv, name, "/usr/local/bin/"+name)}, nil,
		out)
	var said *wire.Error
	switch {
	case errors.As(err, &said):
		return t, Shortened(said.Error(), 200), nil
	case err != nil:
		return t, "", err
	case e.Code != 0:
		return t, fmt.Sprintf("no program can be run (status %d: %s)", e.Code,
			Shortened(strings.Join(strings.Fields(e.Stderr), " "), 200)), nil
	}
	t, why = choose(out.head.String(), name, major)
	t.Site = &site
	return t, why, nil
}

// choose takes the first program that is new enough out of what search printed.
func choose(printed, name string, major int) (t Tool, why string) {
	why = "no " + name
	for line := range strings.Lines(printed) {
		path, v, _ := strings.Cut(strings.TrimSpace(line), "\t")
		words := strings.Fields(v)
		if len(words) < 3 || LeadingNumber(words[2]) == 0 {
			continue
		}
		if LeadingNumber(words[2]) >= major {
			return Tool{path: path, Version: words[2]}, ""
		}
		why = name + " " + words[2] + " only"
	}
	return Tool{}, why
}

// supervise runs a program in another place, in the environment that its arguments give (NAME=VALUE up to --) and with
// nothing else that libpq would read. $1 is watch when the end of the input is to kill the program, feed when the
// program reads it. What it prints is followed by $2 and its status, without which nobody can tell the end from a cut:
// docker gives status 0 to an exec that it lost.
const supervise = `how=$1; proof=$2; shift 2
unset PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGPASSWORD PGPASSFILE PGSERVICE PGSERVICEFILE PGOPTIONS PGAPPNAME
unset PGSSLMODE PGSSLCERT PGSSLKEY PGSSLROOTCERT PGSSLCRL PGSSLCRLDIR PGSSLNEGOTIATION PGREQUIRESSL PGREQUIREAUTH
unset PGREQUIREPEER PGCHANNELBINDING PGGSSENCMODE PGKRBSRVNAME PGCLIENTENCODING PGDATESTYLE PGTZ PGTARGETSESSIONATTRS
unset PGLOADBALANCEHOSTS PGSSLMINPROTOCOLVERSION PGSSLMAXPROTOCOLVERSION PGGEQO
[ -z "$FAIRLEAD_PASSFILE" ] || export PGPASSFILE="$FAIRLEAD_PASSFILE"
while [ "$1" != -- ]; do export "$1"; shift; done
shift
if [ "$how" = feed ]; then
	"$@"
	code=$?
else
	exec 4<&0
	"$@" </dev/null 4<&- &
	program=$!
	(while IFS= read -r x; do :; done; kill -9 $program) <&4 >/dev/null 2>&1 3<&- &
	watch=$!
	wait $program
	code=$?
	kill $watch 2>/dev/null
fi
printf '%s %3d\n' "$proof" $code
exit $code`

// childName is the name of the sessions of a program.
func (s *Server) childName(name string) string {
	return name + " " + s.Base.RuntimeParams["application_name"]
}

// tlsSettings are the URL's, or the environment's, which pgx reads too.
func (s *Server) tlsSettings() []string {
	var env []string
	for _, v := range tlsVariables {
		value := s.query.Get(v[0])
		if value == "" {
			value = os.Getenv(v[1])
		}
		if value != "" {
			env = append(env, v[1]+"="+value)
		}
	}
	return env
}

// connectThere runs a tool of another place that connects to the server. It gives nil only when the program ended well
// and said so behind all of its output.
func (s *Server) connectThere(ctx context.Context, t Tool, c Command) error {
	line, err := s.passline()
	if err != nil {
		return err
	}
	c.In = newLiveness()
	err = s.there(ctx, t, c, wire.Exec{Secret: []byte(line), SecretVar: "FAIRLEAD_PASSFILE"}, "watch",
		s.environThere(*t.Site, c.Name))
	if err != nil {
		s.endChild(ctx, c.Name)
	}
	return err
}

// environThere is what such a program needs to reach the server; the password is not in it.
func (s *Server) environThere(site wire.Site, name string) []string {
	env := append([]string{"LC_ALL=C"}, s.connection(s.Base.Host, name)...)
	if site.Address != "" {
		env = append(env, "PGHOSTADDR="+site.Address)
	}
	return append(env, s.tlsSettings()...)
}

// there runs a tool in another place to its proven end.
func (s *Server) there(ctx context.Context, t Tool, c Command, e wire.Exec, how string, env []string) error {
	p := &proven{w: c.Out, proof: rand.Text()}
	e.Argv = append([]string{"sh", "-c", supervise, "sh", how, p.proof}, env...)
	e.Argv = append(append(e.Argv, "--", t.path), c.Args...)
	ended, err := s.Session.Reach.Exec(ctx, t.Site.Name, e, c.In, p)
	what := t.where(c.Name)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s was stopped: %w", what, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	case p.ended():
		return nil
	}
	said := &Tail{}
	_, _ = said.Write([]byte(ended.Stderr))
	text := plainer(s.Redacted(said.String()))
	switch {
	case ended.Signal != "":
		text = ended.Signal + ": " + text
	case ended.Code == 0:
		text = "its output was cut: " + text
	default:
		text = fmt.Sprintf("exit status %d: %s", ended.Code, text)
	}
	return fmt.Errorf("%s: %s", what, strings.TrimSuffix(text, ": "))
}

// endChild ends the sessions of a child of this run that may have been left by a cut.
func (s *Server) endChild(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*CloseLimit)
	defer cancel()
	_ = s.WithLogin(ctx, func(ctx context.Context, conn *pgx.Conn) error { // without it the end of the input does
		_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE application_name = left($1, 63) AND usename = session_user AND pid <> pg_backend_pid()`,
			s.childName(name))
		return err
	})
}

// A liveness is an input that says nothing and ends when it is closed: whoever reads it knows that we live.
type liveness struct{ closed chan struct{} }

func newLiveness() liveness { return liveness{make(chan struct{})} }

// Read waits for the end.
func (l liveness) Read([]byte) (int, error) {
	<-l.closed
	return 0, io.EOF
}

// Close ends it; it is called once.
func (l liveness) Close() error {
	close(l.closed)
	return nil
}

// proven passes on all but the proof of a good end, which must be the last that comes.
type proven struct {
	w     io.Writer
	proof string
	held  []byte
}

func (p *proven) sentence() string { return p.proof + "   0\n" }

// Write holds back as much as the proof is long.
func (p *proven) Write(b []byte) (int, error) {
	p.held = append(p.held, b...)
	n := len(p.held) - len(p.sentence())
	if n <= 0 {
		return len(b), nil
	}
	if _, err := p.w.Write(p.held[:n]); err != nil {
		return 0, err
	}
	p.held = append(p.held[:0], p.held[n:]...)
	return len(b), nil
}

// ended tells whether the proof came.
func (p *proven) ended() bool { return bytes.Equal(p.held, []byte(p.sentence())) }
