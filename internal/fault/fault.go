// Package fault is the shape of a failure that a person must act on: what happened, what it means (is production
// changed?) and what to do. It is not a logger and not an error hierarchy; inside the program errors stay ordinary
// errors. Start with Fault; Untouched and Outcome say what is known about production.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// A Code names a kind of failure, like "backup-mismatch". Codes are stable and documented; texts may improve.
type Code string

// A Command is one line to paste and why one would.
type Command struct {
	Line string `json:"line"`
	Why  string `json:"why,omitempty"`
}

// A Fault is a failure written for the person who must act on it. What says what happened, Means whether production is
// changed, Do the commands to type, the safe one first. Outcome is set only where the writer knows how the whole
// command must end; zero leaves that to the engine or the command.
type Fault struct {
	Code    Code      `json:"code"`
	What    string    `json:"what"`
	Means   string    `json:"means"`
	Do      []Command `json:"do,omitempty"`
	Outcome Outcome   `json:"outcome,omitempty"`
	Err     error     `json:"-"`
}

// A Problem is one reason to refuse what was asked, found before anything was attempted, with its cure.
type Problem struct {
	Code Code      `json:"code"`
	What string    `json:"what"`
	Do   []Command `json:"do,omitempty"`
}

// Error gives the first part with its cause, for logs and for wrapping; screens print all three parts.
func (f *Fault) Error() string {
	if f.Err == nil {
		return f.What
	}
	return fmt.Sprintf("%s: %v", f.What, f.Err)
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Text renders the three parts as plain lines.
func (f *Fault) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "what happened   %s\n", f.Error())
	fmt.Fprintf(&b, "what it means   %s\n", f.Means)
	for i, c := range f.Do {
		head := "what to do      "
		if i > 0 {
			head = "                "
		}
		line := strings.TrimRight(fmt.Sprintf("%s%-40s %s", head, c.Line, c.Why), " ")
		b.WriteString(line + "\n")
	}
	return b.String()
}

// Find gives the outermost Fault in err's chain, if there is one.
func Find(err error) (*Fault, bool) {
	var f *Fault
	ok := errors.As(err, &f)
	return f, ok
}

// Untouched marks an error after which the world is certainly as it was before the act.
// An error without this mark may have changed something.
type Untouched struct{ Err error }

// Error gives the marked error's text.
func (u Untouched) Error() string { return u.Err.Error() }

// Unwrap gives the marked error.
func (u Untouched) Unwrap() error { return u.Err }

// MarkUntouched marks err; nil stays nil.
func MarkUntouched(err error) error {
	if err == nil {
		return nil
	}
	return Untouched{Err: err}
}

// IsUntouched tells whether err, or an error it wraps, carries the mark.
func IsUntouched(err error) bool {
	var u Untouched
	return errors.As(err, &u)
}

// because is a fault whose text says everything; its causes can be matched and are not said once more.
type because struct {
	*Fault
	causes []error
}

// Unwrap gives the fault and its causes.
func (b because) Unwrap() []error { return append([]error{b.Fault}, b.causes...) }

// Because gives f as an error that also matches causes (errors.Is, errors.As) without printing them: for a fault whose
// What holds what they say already.
func Because(f *Fault, causes ...error) error { return because{f, causes} }
