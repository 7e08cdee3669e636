// Package decide is the contract of asking a person: at a terminal, by a flag, later on a page. Start with Decider.
package decide

import (
	"context"
	"errors"
)

// ErrNobody is given when there is nobody to ask (no terminal and no flag that answers).
var ErrNobody = errors.New("there is nobody to ask")

// A Decider asks and waits. The answer No is an answer, not an error.
type Decider interface {
	Decide(ctx context.Context, q Question) (Answer, error)
}

// A Question is asked once. Word is what must be typed for yes; where it is empty, "yes" is.
type Question struct {
	Text string
	Word string
}

// An Answer says what was chosen, by whom and how ("typed at a terminal", "--yes").
type Answer struct {
	Yes bool
	By  string
	How string
}
