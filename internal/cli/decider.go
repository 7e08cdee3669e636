package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"fairlead/internal/decide"
)

// decider asks the person at the terminal, unless a flag has answered.
type decider struct {
	app *app
	yes bool
}

var _ decide.Decider = decider{}

// Decide takes --yes, or the word typed at a terminal; decide.ErrNobody where there is neither.
func (d decider) Decide(ctx context.Context, q decide.Question) (decide.Answer, error) {
	by := d.app.User + "@" + d.app.Host
	if d.yes {
		return decide.Answer{Yes: true, By: by, How: "--yes"}, nil
	}
	if !d.app.Terminal {
		return decide.Answer{}, decide.ErrNobody
	}
	word := q.Word
	if word == "" {
		word = "yes"
	}
	fmt.Fprintf(d.app.Err, "%s\ntype %s to go on, anything else stops: ", plain(q.Text), plain(word))
	typed, err := d.app.line(ctx)
	if err != nil {
		return decide.Answer{}, err
	}
	return decide.Answer{Yes: typed == word, By: by, How: "typed at a terminal"}, nil
}

// line reads one line, or gives the context's error. The end of the input is an empty answer.
func (a *app) line(ctx context.Context) (string, error) {
	type read struct {
		text string
		err  error
	}
	if a.lines == nil {
		a.lines = bufio.NewReader(a.In)
	}
	done := make(chan read, 1)
	go func() { // ends with the line or with the program
		text, err := a.lines.ReadSlice('\n')
		done <- read{string(text), err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-done:
		if errors.Is(r.err, bufio.ErrBufferFull) {
			return "", nil // nothing that is asked for is that long
		}
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			return "", fmt.Errorf("read the answer: %w", r.err)
		}
		return strings.TrimSpace(r.text), nil
	}
}
