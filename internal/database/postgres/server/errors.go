package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"fairlead/internal/apply"
	"fairlead/internal/fault"
)

// A Error is what the server said to a statement. It matches apply.ErrStatement, apply.ErrLockTimeout, apply.ErrMarked
// or apply.ErrLost. Its text leaves out DETAIL and CONTEXT, which may hold values of rows; Private gives those for a
// file that only the operator reads.
type Error struct {
	Code     string // SQLSTATE
	Message  string
	Hint     string
	Position int      // character of the statement, from 1; 0 when the server named none
	Blockers []string // who was in the way, when a lock was not had
	kind     error
	private  string
}

// Error gives message, SQLSTATE and position.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (SQLSTATE %s", e.Message, e.Code)
	if e.Position > 0 {
		fmt.Fprintf(&b, ", character %d", e.Position)
	}
	b.WriteString(")")
	if len(e.Blockers) > 0 {
		b.WriteString("; in the way: " + strings.Join(e.Blockers, "; "))
	}
	return b.String()
}

// Is matches the sentinel of package apply that the SQLSTATE stands for.
func (e *Error) Is(target error) bool { return target == e.kind }

// Private gives DETAIL and CONTEXT, or "".
func (e *Error) Private() string { return e.private }

const (
	CodeLockTimeout      = "55P03"
	codeDeadlock         = "40P01"
	CodeUniqueViolation  = "23505"
	CodeNoPrivilege      = "42501"
	CodeInvalidParameter = "22023"
)

// Classify turns an error of the driver into one of ours. conn may be nil.
func Classify(ctx context.Context, conn *pgconn.PgConn, what string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return fmt.Errorf("%s: %w", what, err)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("%s: %w", what, serverError(pg))
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w: %w", what, apply.ErrLost, context.Cause(ctx))
	}
	if conn == nil || conn.IsClosed() || pgconn.Timeout(err) {
		return fmt.Errorf("%s: %w: %w", what, apply.ErrLost, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// WithBlockers adds who was in the way to an error that says that a lock was not had.
func WithBlockers(err error, blockers []string) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	e := serverError(pg)
	if e.Code == CodeLockTimeout {
		e.Blockers = blockers
	}
	return e
}

func serverError(pg *pgconn.PgError) *Error {
	e := &Error{Code: pg.Code, Message: pg.Message, Hint: pg.Hint, Position: int(pg.Position), kind: apply.ErrStatement,
		private: strings.TrimSpace(pg.Detail + "\n" + pg.Where)}
	severity := pg.SeverityUnlocalized
	if severity == "" {
		severity = pg.Severity
	}
	switch {
	case severity == "FATAL" || severity == "PANIC":
		e.kind = apply.ErrLost
	case pg.Code == CodeLockTimeout || pg.Code == codeDeadlock:
		e.kind = apply.ErrLockTimeout
	}
	return e
}

// Code gives the SQLSTATE of an error, or "".
func Code(err error) string {
	var s *Error
	if errors.As(err, &s) {
		return s.Code
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// Shortened puts a statement on one line and cuts it.
func Shortened(sql string, most int) string {
	return fault.Clip(strings.Join(strings.Fields(sql), " "), most)
}

// LeadingNumber gives the number with which a text begins, 0 for none.
func LeadingNumber(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}

// Megabytes shows bytes.
func Megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

// Literal quotes text for a statement that takes no parameters, whatever standard_conforming_strings says.
func Literal(s string) string {
	return " E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}
