package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead/internal/wire"
)

// asHost runs on this machine what would run elsewhere; cut may spoil what comes of it.
type asHost struct {
	sites []wire.Site
	env   []string
	cut   func(out []byte, e wire.Ended) ([]byte, wire.Ended, error)
}

func (h asHost) Ready(context.Context) error { return nil }
func (h asHost) Place() string               { return "through a test" }
func (h asHost) Dial(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("nothing is there")
}
func (h asHost) Sites(context.Context) ([]wire.Site, error) { return h.sites, nil }

func (h asHost) Exec(ctx context.Context, _ string, e wire.Exec, in io.Reader, out io.Writer) (wire.Ended, error) {
	cmd := exec.CommandContext(ctx, e.Argv[0], e.Argv[1:]...)
	cmd.Env = append(slices.Clone(h.env), "PATH="+os.Getenv("PATH"))
	var printed, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &said
	w, err := cmd.StdinPipe()
	if err != nil {
		return wire.Ended{}, err
	}
	if err := cmd.Start(); err != nil {
		return wire.Ended{}, err
	}
	go func() {
		if in != nil {
			_, _ = io.Copy(w, in)
		}
		w.Close()
	}()
	_ = cmd.Wait()
	if c, ok := in.(io.Closer); ok {
		c.Close()
	}
	b, ended := printed.Bytes(), wire.Ended{Code: cmd.ProcessState.ExitCode(), Stderr: said.String()}
	if h.cut != nil {
		b, ended, err = h.cut(b, ended)
	}
	_, _ = out.Write(b)
	return ended, err
}

func askElsewhere(t *testing.T, h asHost, script string) (string, error) {
	t.Helper()
	base, query, err := parseURL("postgres://u:secret@db.internal:6432/shop?sslmode=require")
	if err != nil {
		t.Fatal(err)
	}
	d := &Server{Session: Session{Reach: h, Run: "r"}, Base: base, query: query}
	d.prepare()
	var out bytes.Buffer
	s := wire.Site{Name: "on host", Address: "10.0.0.7"}
	err = d.there(t.Context(), Tool{path: "sh", Site: &s}, Command{Name: "pg_dump", Args: []string{"-c", script},
		In: newLiveness(), Out: &out},
		wire.Exec{}, "watch", d.environThere(s, "pg_dump"))
	return out.String(), err
}

func TestElsewhere_a_dump_is_whole_only_when_its_end_is_proven_behind_all_of_it(t *testing.T) {
	all := strings.Repeat("0123456789", 50)
	lost := func(n int) func([]byte, wire.Ended) ([]byte, wire.Ended, error) {
		return func(b []byte, e wire.Ended) ([]byte, wire.Ended, error) {
			e.Code = 0 // what docker says of an exec that it lost
			return b[:max(len(b)-n, 0)], e, nil
		}
	}
	for name, c := range map[string]struct {
		script string
		host   asHost
		want   string
	}{
		"whole":                {"printf " + all, asHost{}, ""},
		"cut before the proof": {"printf " + all, asHost{cut: lost(40)}, "its output was cut"},
		"cut in the proof":     {"printf " + all, asHost{cut: lost(1)}, "its output was cut"},
		"nothing came":         {"printf " + all, asHost{cut: lost(9999)}, "its output was cut"},
		"a status that is no 0": {"printf " + all + "; echo no such table secret >&2; exit 3", asHost{},
			"exit status 3: no such table ***"},
		"a status that docker hides": {"printf " + all + "; exit 3", asHost{cut: lost(0)}, "its output was cut"},
		"killed":                     {"printf " + all + "; kill -9 $$", asHost{}, "exit status 137"},
		"something follows it": {"printf " + all, asHost{cut: func(b []byte, e wire.Ended) ([]byte, wire.Ended, error) {
			return append(b, 'x'), e, nil
		}}, "its output was cut"},
	} {
		got, err := askElsewhere(t, c.host, c.script)
		if c.want == "" {
			if err != nil || got != all {
				t.Errorf("%s: %v, %q", name, err, got)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestElsewhere_nothing_of_the_environment_there_leads_libpq_elsewhere(t *testing.T) {
	var evil []string
	for _, v := range []string{"PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGPASSFILE",
		"PGSERVICE", "PGSERVICEFILE", "PGOPTIONS", "PGSSLMODE", "PGSSLROOTCERT",
		"PGREQUIRESSL", "PGTARGETSESSIONATTRS", "PGCLIENTENCODING"} {
		evil = append(evil, v+"=evil")
	}
	got, err := askElsewhere(t, asHost{env: evil}, "env | grep ^PG | sort")
	want := "PGAPPNAME=pg_dump " +
		"fairlead/r\nPGCONNECT_TIMEOUT=10\nPGDATABASE=shop\nPGHOST=db.internal\nPGHOSTADDR=10.0.0.7\nPGPORT=6432\n" +
		"PGSSLMODE=require\nPGUSER=u\n"
	if err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

func TestElsewhere_the_end_of_the_input_kills_the_program(t *testing.T) {
	cmd := exec.Command("sh", "-c", supervise, "sh", "watch", "proof", "LC_ALL=C", "--", "sh", "-c",
		"echo $$; exec sleep 60")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { in.Close() })
	began := time.Now()
	err = cmd.Wait()
	if took := time.Since(began); err == nil || cmd.ProcessState.ExitCode() != 137 || took > 10*time.Second {
		t.Errorf("%v after %s: %s", err, took, out.String())
	}
	var pid int
	if _, err := fmt.Sscan(out.String(), &pid); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		t.Errorf("process %d is left", pid)
	}
}

func TestElsewhere_the_first_program_that_is_new_enough_is_taken(t *testing.T) {
	for _, c := range []struct{ printed, path, version, why string }{
		{"pg_dump\tpg_dump (PostgreSQL) 16.2\n", "pg_dump", "16.2", ""},
		{"pg_dump\tpg_dump (PostgreSQL) 14.9 (Debian)\n/usr/local/bin/pg_dump\tpg_dump (PostgreSQL) 15.1\n",
			"/usr/local/bin/pg_dump", "15.1", ""},
		{"pg_dump\tpg_dump (PostgreSQL) 14.9\n", "", "", "pg_dump 14.9 only"},
		{"pg_dump\tcannot execute binary file\n\n\t\t\n", "", "", "no pg_dump"},
		{"", "", "", "no pg_dump"},
	} {
		got, why := choose(c.printed, "pg_dump", 15)
		if got.path != c.path || got.Version != c.version || why != c.why {
			t.Errorf("%q: %+v, %q", c.printed, got, why)
		}
	}
}

func TestElsewhere_certificates_of_this_machine_keep_a_dump_here(t *testing.T) {
	for query, want := range map[string]bool{"": true, "?sslmode=require": true, "?sslmode=verify-full": false,
		"?sslmode=verify-ca": false} {
		base, values, err := parseURL("postgres://u:p@h/d" + query)
		if err != nil {
			t.Fatal(err)
		}
		d := &Server{Base: base, query: values}
		if why := d.unfit("pg_dump"); (why == "") != want {
			t.Errorf("%q: %q", query, why)
		}
		if why := d.unfit("pg_restore"); why != "" {
			t.Errorf("%q: pg_restore: %q", query, why)
		}
	}
}
