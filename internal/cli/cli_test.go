package cli

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"fairlead": func() { os.Exit(Execute(context.Background(), os.Args[1:], System())) },
		// pretend is fairlead with a world of files; at=1 puts a person before it.
		"pretend": func() {
			edge := System()
			edge.Open = openPretend
			edge.User, edge.Host = "ana", "laptop"
			if as := os.Getenv("AS"); as != "" {
				edge.Host, edge.Process = as, as+"/1/x"
				edge.Alive = func(p string) (bool, bool) { return processAlive(as, p) }
			}
			if late, err := time.ParseDuration(os.Getenv("LATE")); err == nil {
				edge.Now = func() time.Time { return time.Now().Add(late) }
			}
			edge.Terminal = os.Getenv("PERSON") != ""
			os.Exit(Execute(context.Background(), os.Args[1:], edge))
		},
	})
}

func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: false,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
		},
	})
}

// exits runs a command and compares its exit status: exits 3 fairlead deploy v1.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if e, ok := err.(interface{ ExitCode() int }); ok {
		got = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
