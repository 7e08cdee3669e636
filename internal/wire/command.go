package wire

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Command is one program to run on a host, in the cleaned environment of the connection, without standard input. Env
// adds variables. Max limits its output in bytes (0 means DefaultMax), Timeout its time (0 means DefaultTimeout).
type Command struct {
	Argv    []string      `json:"argv"`
	Env     []string      `json:"env,omitempty"`
	Max     int64         `json:"max,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"`
}

// The limits of a command that names none.
const (
	DefaultMax     = 8 << 20
	DefaultTimeout = 60 * time.Second
)

// Limits gives the limits that hold for c.
func (c Command) Limits() (max int64, timeout time.Duration) {
	max, timeout = c.Max, c.Timeout
	if max <= 0 {
		max = DefaultMax
	}
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return max, timeout
}

// An Answer is what a command left: its exit status (127 when there is no such program), its output, and the end of
// what it complained.
type Answer struct {
	Code   int    `json:"code"`
	Out    []byte `json:"out,omitempty"`
	Stderr string `json:"stderr,omitempty"`
}

// Err is nil for exit status 0, and otherwise says what was run and the last lines of what it complained, without mere
// warnings.
func (a Answer) Err(what string) error {
	if a.Code == 0 {
		return nil
	}
	said := Tail(complaint(a.Stderr), 600)
	if said == "" {
		return fmt.Errorf("%s: exit status %d", what, a.Code)
	}
	return fmt.Errorf("%s: %s", what, said)
}

// complaint drops the lines of a logger that only warn, and takes the message out of those that do not; the progress of
// single services, which an error follows, is dropped too.
func complaint(s string) string {
	var kept []string
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		_, message, logged := strings.Cut(line, " msg=")
		logged = logged && strings.HasPrefix(line, "time=")
		switch {
		case line == "", logged && !strings.Contains(line, "level=error") && !strings.Contains(line, "level=fatal"),
			strings.HasPrefix(line, "WARN["):
			continue
		case logged:
			line = message
			if text, err := strconv.Unquote(message); err == nil {
				line = text
			}
		}
		if progress(line) {
			continue
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}

// progress tells lines like "Container shop-api-1  Starting".
func progress(line string) bool {
	w := strings.Fields(line)
	return len(w) == 3 && (w[0] == "Container" || w[0] == "Network" || w[0] == "Volume")
}

// Tail gives the end of s, at most n bytes, on one line.
func Tail(s string, n int) string {
	s = strings.TrimSpace(s)
	if len(s) > n {
		s = "…" + strings.ToValidUTF8(s[len(s)-n:], "")
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// A Runner runs commands on one host, in order, as one exchange. An error means that the host gave no answer; a command
// that failed is an Answer with its status. Looking needs nothing else, so it works with and without an agent.
type Runner interface {
	Run(ctx context.Context, commands ...Command) ([]Answer, error)
}

// Quote makes one word for a POSIX shell of s, whatever it holds, on one line: a line break becomes "$N", which the
// shell that reads it must have set to a line break. It is the only place where shell text is made of data. NUL bytes,
// which no argument can hold, are left out.
func Quote(s string) string {
	return "'" + strings.NewReplacer("\x00", "", "'", `'"'"'`, "\n", `'"$N"'`).Replace(s) + "'"
}

// QuoteAll quotes words and joins them by blanks.
func QuoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}
