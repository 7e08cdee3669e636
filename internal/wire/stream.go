package wire

import "time"

// The limits of a stream. Each side sends at most StreamWindow bytes that the other has not given credit for, so that a
// slow reader holds up its own stream and no other; a message carries at most StreamChunk of them. A connection has at
// most MaxStreams.
const (
	StreamWindow = 2 << 20
	StreamChunk  = 64 << 10
	MaxStreams   = 64
)

// A stream is opened by a request. The first response says that it is open (More, and nothing else); then responses
// carry Data or Credit in any order; the one without More is the end. In the other direction the stream's id goes with
// OpStreamData, OpStreamCredit and OpStreamEnd; OpCancel ends it at once.

// Dial opens a connection as seen from the host. Network is "tcp" or "unix".
type Dial struct {
	Network string        `json:"network"`
	Address string        `json:"address"`
	Timeout time.Duration `json:"timeout,omitempty"` // ten seconds when zero
}

// Exec runs a program on the host, fed with what the stream brings; its output is what the stream gives. Secret, where
// it is not empty, is put into a file that only the program can open, whose name it finds in the variable SecretVar.
type Exec struct {
	Argv      []string `json:"argv"`
	Env       []string `json:"env,omitempty"`
	Secret    []byte   `json:"secret,omitempty"`
	SecretVar string   `json:"secret_var,omitempty"`
}

// A Site is a place on a host, or in a container there, where programs can run. Address is where what a way leads to is
// found from there; "" where it is found by its own name.
type Site struct {
	Name    string
	Address string
}

// Ended is how a program ended: its exit status (-1 when a signal ended it) and the end of what it complained.
type Ended struct {
	Code   int    `json:"code"`
	Signal string `json:"signal,omitempty"`
	Stderr string `json:"stderr,omitempty"`
}

// Credit lets the other side send that many bytes more.
type Credit struct {
	Bytes int `json:"bytes"`
}
