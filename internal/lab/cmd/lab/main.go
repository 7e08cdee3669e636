// Command lab brings the test bed up and down and lends a hand in it. It is for
// developers and tests and never ships.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"fairlead/internal/lab"
)

const usage = `usage: lab COMMAND

  up                 brings up the lab named hand and prints its environment
  down               ends it and removes all of it
  env                prints its environment as shell exports
  exec -- CMD…       runs a command in a lab's network: the one this command
                     runs in, or the one named hand
  ssh [LINE]         a shell on the lab's host as the deploy user
  run -- CMD…        a lab for one command: up, run, down
  stack [APP]        makes an application on the host (shop) and writes
                     fairlead.yaml for it into the current folder (-local: no ssh)
  publish TAG        builds, pushes and describes a release
                     (-app, -migration FILE, -behaviour api=never-healthy, -pad MB)
  load URL           requests at a fixed rate until interrupted (-rate, -for)
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(1)
	}
	err := command(ctx, os.Args[1], os.Args[2:])
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() > 0 {
		os.Exit(ended.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, name string, args []string) error {
	switch name {
	case "up":
		return up(ctx)
	case "down":
		return lab.Down(lab.DirFor("hand"))
	case "env":
		return printEnv()
	case "exec":
		return execIn(args)
	case "ssh":
		return ssh(ctx, args)
	case "run":
		return run(ctx, args)
	case "stack":
		return stack(ctx, args)
	case "publish":
		return publish(ctx, args)
	case "load":
		return load(ctx, args)
	case "init": // the lab's first process; not for people
		limit, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		return lab.Init(args[0], limit, len(args) > 2)
	case "serve": // its second
		return lab.Serve(ctx, args[0])
	}
	fmt.Fprint(os.Stderr, usage)
	return fmt.Errorf("no command %q", name)
}

func up(ctx context.Context) error {
	if _, err := lab.Attach(lab.DirFor("hand")); err == nil {
		return printEnv()
	}
	if err := lab.Down(lab.DirFor("hand")); err != nil {
		return err
	}
	if _, err := lab.Up(ctx, lab.Options{Name: "hand", Stays: true}); err != nil {
		return err
	}
	return printEnv()
}

// attach gives the lab that the environment names, or the one named hand.
func attach() (*lab.Lab, error) {
	if dir := os.Getenv(lab.DirVar); dir != "" {
		return lab.Attach(dir)
	}
	l, err := lab.Attach(lab.DirFor("hand"))
	if errors.Is(err, lab.ErrNoLab) {
		return nil, fmt.Errorf("%w (make lab brings it up)", err)
	}
	return l, err
}

func printEnv() error {
	l, err := attach()
	if err != nil {
		return err
	}
	for _, e := range l.Env() {
		name, value, _ := strings.Cut(e, "=")
		fmt.Printf("export %s='%s'\n", name, value)
	}
	fmt.Printf("# everything lies in its own network: %s exec -- bash\n", os.Args[0])
	fmt.Printf("# host      %s   key %s   known hosts %s\n", l.SSHURL(l.SSHPort), l.IdentityFile, l.KnownHosts)
	fmt.Printf("# registry  %s (plain http)   webhook %s, kept in %s\n", l.RegistryHost, l.WebhookURL, l.WebhookFile)
	fmt.Printf("# postgres  %s\n", l.DatabaseURL)
	return nil
}

func afterDashes(args []string) ([]string, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return nil, errors.New("which command? lab exec -- CMD…")
	}
	return args, nil
}

// execIn becomes the command, so that signals and exit status are its own.
func execIn(args []string) error {
	args, err := afterDashes(args)
	if err != nil {
		return err
	}
	l, err := attach()
	if err != nil {
		return err
	}
	cmd := l.Command(context.Background(), args[0], args[1:]...)
	if cmd.Err != nil {
		return cmd.Err
	}
	return syscall.Exec(cmd.Path, cmd.Args, cmd.Env)
}

func ssh(ctx context.Context, args []string) error {
	l, err := attach()
	if err != nil {
		return err
	}
	cmd := l.SSH(ctx, strings.Join(args, " "))
	if len(args) == 0 {
		cmd.Args = cmd.Args[:len(cmd.Args)-1]
	}
	return withTerminal(cmd).Run()
}

func withTerminal(cmd *exec.Cmd) *exec.Cmd {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}

func run(ctx context.Context, args []string) error {
	args, err := afterDashes(args)
	if err != nil {
		return err
	}
	began := time.Now()
	l, err := lab.Up(ctx, lab.Options{})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "lab: up in %s, %s\n", time.Since(began).Round(time.Millisecond), l.Dir)
	cmd := withTerminal(exec.CommandContext(ctx, args[0], args[1:]...))
	cmd.Env = append(os.Environ(), l.Env()...)
	// An interrupt goes to the command; the lab goes down after it.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	return errors.Join(cmd.Run(), l.Down())
}

func stack(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("stack", flag.ContinueOnError)
	local := flags.Bool("local", false, "without ssh")
	if err := flags.Parse(args); err != nil {
		return err
	}
	l, err := attach()
	if err != nil {
		return err
	}
	s, err := l.OpenStack(cmp.Or(flags.Arg(0), "shop"))
	if errors.Is(err, os.ErrNotExist) {
		s, err = l.Stack(ctx, lab.StackOptions{App: flags.Arg(0)})
	}
	if err != nil {
		return err
	}
	var o lab.ConfigOptions
	if *local {
		o.Hosts = []string{"local"}
	}
	if err := s.WriteConfig("fairlead.yaml", o); err != nil {
		return err
	}
	fmt.Printf("export PROD_DB_URL='%s'\n# directory %s, api %s, web %s\n", s.DatabaseURL, s.Dir, s.APIURL, s.WebURL)
	return nil
}

func publish(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("publish", flag.ContinueOnError)
	app := flags.String("app", "shop", "application")
	migration := flags.String("migration", "", "file with the migration")
	behaviour := flags.String("behaviour", "", "service=behaviour, separated by semicolons")
	pad := flags.Int("pad", 0, "megabytes of random data in each image")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("which version? lab publish v1.0.0")
	}
	l, err := attach()
	if err != nil {
		return err
	}
	s, err := l.OpenStack(*app)
	if err != nil {
		return err
	}
	r := lab.Release{Tag: flags.Arg(0), PadMB: *pad, Behaviour: map[string]string{}}
	for _, b := range strings.Split(*behaviour, ";") {
		if service, value, ok := strings.Cut(b, "="); ok {
			r.Behaviour[service] = value
		}
	}
	if *migration != "" {
		text, err := os.ReadFile(*migration)
		if err != nil {
			return err
		}
		r.MigrationSQL = string(text)
	}
	p, err := s.PublishRelease(ctx, r)
	if err != nil {
		return err
	}
	fmt.Println(filepath.Join(p.Dir, "release.json"))
	var lines []string
	for name, ref := range p.Images {
		lines = append(lines, "# "+name+" "+ref)
	}
	sort.Strings(lines)
	fmt.Fprintln(os.Stderr, strings.Join(lines, "\n"))
	return nil
}

func load(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	rate := flags.Int("rate", 200, "requests a second")
	lasts := flags.Duration("for", time.Minute, "how long, at most")
	if err := flags.Parse(args); err != nil {
		return err
	}
	l, err := attach()
	if err != nil {
		return err
	}
	if !l.Inside() { // a load has to run in the network itself
		program, err := os.Executable()
		if err != nil {
			return err
		}
		return execIn(append([]string{"--", program, "load"}, args...))
	}
	running := lab.Load{URL: flags.Arg(0), Rate: *rate}.Start(ctx)
	select {
	case <-ctx.Done():
	case <-time.After(*lasts):
	}
	fmt.Println(running.Stop())
	return nil
}
