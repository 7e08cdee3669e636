package program

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxSaid is how much of what a command says Run tells, in bytes: its end.
const maxSaid = 2 << 10

// Run runs a command to its end and gives nil when that is status 0 within the time. Its whole process group is ended
// with ctx and with the time. The error holds the end of what it said; the caller takes secrets out of it.
func Run(ctx context.Context, timeout time.Duration, environ, argv []string) error {
	if len(argv) == 0 {
		return errors.New("there is no command")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	said := ""
	p, err := Start(Spec{Argv: argv, Env: environ, Say: func(line string) {
		said += " " + line
		said = strings.ToValidUTF8(said[max(0, len(said)-maxSaid):], "?")
	}})
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Sweep()
		<-p.Done()
	}
	status, signal, lost := p.Ended()
	switch {
	case status == 0 && signal == "" && (lost == nil || errors.Is(lost, errHeld)): // it may have started a service
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("did not end within %s", timeout)
	case ctx.Err() != nil:
		err = ctx.Err()
	case lost != nil:
		err = lost
	case signal != "":
		err = fmt.Errorf("was ended: %s", signal)
	default:
		err = fmt.Errorf("exit status %d", status)
	}
	if said = strings.TrimSpace(said); said != "" {
		return fmt.Errorf("%s: %w: %s", argv[0], err, said)
	}
	return fmt.Errorf("%s: %w", argv[0], err)
}
