// Command demo tells the story of five releases with fairlead's own output, on the real parts of a lab, and asks the
// world after each chapter: what runs (docker inspect) and what stands in the tables (PostgreSQL). It exits 0 only if
// the world agrees.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"fairlead/internal/lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := tell(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

// tell sets the stage and plays the chapters in order.
func tell(ctx context.Context) error {
	dir := os.Getenv(lab.DirVar)
	if dir == "" {
		return fmt.Errorf("%s is not set: make demo brings a lab up and runs this in it", lab.DirVar)
	}
	l, err := lab.Attach(dir)
	if err != nil {
		return err
	}
	s, err := l.Stack(ctx, lab.StackOptions{App: "shop"})
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "fairlead-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	if err := s.WriteConfig(filepath.Join(home, "fairlead.yaml"), lab.ConfigOptions{}); err != nil {
		return err
	}
	d := &demo{Stack: s, home: home, published: map[string]lab.Published{}}
	for i, c := range chapters {
		if err := d.play(ctx, i+1, c); err != nil {
			return fmt.Errorf("chapter %d, %s: %w", i+1, c.title, err)
		}
	}
	fmt.Printf("\n%sthe world agreed %d times.%s\n", bold, d.agreed, plain)
	return nil
}

// The terminal's bold, for headings only.
const (
	bold  = "\033[1m"
	plain = "\033[0m"
)

// demo is the stage.
type demo struct {
	*lab.Stack
	home      string
	published map[string]lab.Published
	agreed    int
}

func (d *demo) play(ctx context.Context, n int, c chapter) error {
	fmt.Printf("\n%s%d. %s%s\n   %s\n", bold, n, c.title, plain, c.says)
	if c.release != nil {
		p, err := d.PublishRelease(ctx, *c.release)
		if err != nil {
			return err
		}
		d.published[c.release.Tag] = p
	}
	for _, line := range c.lines {
		if err := d.fairlead(ctx, line); err != nil {
			return err
		}
	}
	for _, f := range c.facts {
		if err := d.ask(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// fairlead types one command, shows what it says, and compares the exit status.
func (d *demo) fairlead(ctx context.Context, l line) error {
	fmt.Printf("\n%s$ fairlead", bold)
	for _, a := range l.args {
		fmt.Print(" ", a)
	}
	fmt.Println(plain)
	cmd := d.Fairlead(ctx, d.home, l.args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr // a terminal, where the demo has one
	err := cmd.Run()
	status := 0
	if ended, ok := err.(*exec.ExitError); ok {
		status = ended.ExitCode()
	} else if err != nil {
		return err
	}
	fmt.Printf("(exit %d)\n", status)
	if status != l.exit {
		return fmt.Errorf("it ended with %d, the story says %d", status, l.exit)
	}
	return nil
}

// ask compares one fact with the world.
func (d *demo) ask(ctx context.Context, f fact) error {
	got, err := f.look(ctx, d)
	if err != nil {
		return fmt.Errorf("%s: %w", f.claim, err)
	}
	want := f.want(d)
	if got != want {
		return fmt.Errorf("%s: the world says %s, want %s", f.claim, got, want)
	}
	d.agreed++
	fmt.Printf("   the world: %s\n", f.claim)
	return nil
}
