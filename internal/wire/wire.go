// Package wire holds the messages between the operator's program and the agent on a host: frames, requests, answers,
// and the commands that may be run there. The package stack below it knows how a compose project is named to the docker
// command line. Start with Request, Command and the list of Ops.
package wire

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Protocol is the version of the messages. An agent is named by the hash of its bytes, so both sides nearly always
// agree; hello compares all the same.
const Protocol = 1

// Magic begins the line by which an agent says that frames follow. Anything before it is a login banner.
const Magic = "fairlead-agent/1"

// A Request asks an agent for one thing. ID is unique on its connection, except that what belongs to a stream has the
// stream's.
type Request struct {
	ID   uint64          `json:"id"`
	Op   Op              `json:"op"`
	Body json.RawMessage `json:"body,omitempty"`
	Data []byte          `json:"-"` // bytes of a stream, beside the JSON
}

func (r Request) carried() []byte   { return r.Data }
func (r *Request) take(data []byte) { r.Data = data }

// A Response answers the request with the same ID. While More is set others follow; the last one has an error or the
// final body.
type Response struct {
	ID   uint64          `json:"id"`
	More bool            `json:"more,omitempty"`
	Body json.RawMessage `json:"body,omitempty"`
	Err  *Error          `json:"err,omitempty"`
	Data []byte          `json:"-"` // bytes of a stream, beside the JSON
}

func (r Response) carried() []byte   { return r.Data }
func (r *Response) take(data []byte) { r.Data = data }

// A Code names a kind of answer that the caller treats differently. Codes are stable.
type Code string

// The codes. CodeFailed is everything that has no code of its own.
const (
	CodeFailed         Code = "failed"
	CodeUnknownOp      Code = "unknown-op"
	CodeBadRequest     Code = "bad-request"
	CodeOvertaken      Code = "overtaken"    // the ticket's number is too small; Body is the larger ticket
	CodeOtherLedger    Code = "other-ledger" // the ticket is of another ledger
	CodeChainOvertaken Code = "chain-overtaken"
	CodeMissing        Code = "missing"
	CodeExists         Code = "exists"
	CodeBroken         Code = "broken"
	CodeTooLong        Code = "too-long"
	CodeRefused        Code = "refused" // Body is a fault: what was asked cannot be done here, and nothing was changed
	CodeGone           Code = "gone"    // the detached process died before its end
)

// An Error is a failed request, as it crosses the wire.
type Error struct {
	Code Code            `json:"code"`
	Text string          `json:"text"`
	Body json.RawMessage `json:"body,omitempty"`
}

// Error gives the text.
func (e *Error) Error() string { return e.Text }

// CodeOf gives the code of a wire error in err's chain, or "" when there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Fail makes an Error with a code and, where it is not nil, a body.
func Fail(code Code, text string, body any) *Error {
	e := &Error{Code: code, Text: text}
	if body != nil {
		e.Body, _ = json.Marshal(body)
	}
	return e
}

// Decode reads a body; an empty one gives the zero value.
func Decode[T any](body json.RawMessage) (T, error) {
	var v T
	if len(body) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return v, fmt.Errorf("read message: %w", err)
	}
	return v, nil
}
