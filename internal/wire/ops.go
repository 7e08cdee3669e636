package wire

import (
	"fmt"
	"path"
	"strings"
	"time"

	"fairlead/internal/fence"
	"fairlead/internal/release"
	"fairlead/internal/rollout"
)

// An Op names what is asked of an agent.
type Op string

// The operations. Those that change something take a ticket; the agent refuses a smaller number than it has seen.
const (
	OpHello         Op = "hello"          // nil → Hello
	OpRun           Op = "run"            // []Command → []Answer; looks only
	OpCancel        Op = "cancel"         // Cancel → nothing
	OpRaise         Op = "fence.raise"    // Raise → nothing
	OpPrepare       Op = "images.prepare" // stack.Prepare → Saying… Prepared
	OpRollStart     Op = "roll.start"     // stack.RollStart → RollState
	OpRollFollow    Op = "roll.follow"    // RollRef → RollEntry… RollState
	OpRollState     Op = "roll.state"     // RollRef → RollState
	OpStoreFile     Op = "keep"           // RunFile → nothing
	OpLedgerHead    Op = "ledger.head"    // Place → LedgerHead
	OpLedgerAppend  Op = "ledger.append"  // LedgerAppend → LedgerHash
	OpLedgerSegment Op = "ledger.segment" // LedgerSegment → LedgerLines
	OpLedgerRuns    Op = "ledger.runs"    // LedgerRuns → engine.Summary list
	OpLedgerLines   Op = "ledger.lines"   // Place → LedgerLines…
	OpLedgerPut     Op = "ledger.put"     // LedgerBlob → LedgerHash
	OpLedgerBlob    Op = "ledger.blob"    // LedgerBlob → LedgerBlob
	OpDial          Op = "stream.dial"    // Dial → a stream
	OpExec          Op = "stream.exec"    // Exec → a stream, Ended
	OpStreamData    Op = "stream.data"    // bytes for a stream, by the id of the request that opened it; no answer
	OpStreamEnd     Op = "stream.end"     // no more bytes will come for it; no answer
	OpStreamCredit  Op = "stream.credit"  // Credit; no answer
)

// A Place names one app in one environment under a target's directory. All that fairlead keeps there is below Ledger
// and State. Expect is the id of the ledger that the caller knows from elsewhere, or empty; another one, or none, is
// then refused.
type Place struct {
	Directory   string `json:"directory"`
	App         string `json:"app"`
	Environment string `json:"environment"`
	Expect      string `json:"expect,omitempty"`
}

// Validate tells when a place could lead outside its directory.
func (p Place) Validate() error {
	if !path.IsAbs(p.Directory) || strings.ContainsRune(p.Directory, 0) {
		return fmt.Errorf("the directory %q is not an absolute path", p.Directory)
	}
	for _, w := range []string{p.App, p.Environment} {
		if !release.Word(w) {
			return fmt.Errorf("%q is not a name (letters, digits, dots, dashes, underscores)", w)
		}
	}
	return nil
}

// Ledger is the folder of the ledger.
func (p Place) Ledger() string { return path.Join(p.Directory, ".fairlead", p.App, p.Environment) }

// State is the folder of what this host itself knows: the largest ticket, its rollouts, kept files. It stands beside
// the ledger, not in it and not in anybody's home, so that every deploy user meets the same fence and a lost ledger is
// noticed.
func (p Place) State() string {
	return path.Join(p.Directory, ".fairlead", p.App, ".host", p.Environment)
}

// Ticket is the file of the largest ticket that this host has seen.
func (p Place) Ticket() string { return path.Join(p.State(), "ticket.json") }

// Hello says who answers.
type Hello struct {
	Protocol int       `json:"protocol"`
	Version  string    `json:"version"`
	OS       string    `json:"os"`
	Arch     string    `json:"arch"`
	Now      time.Time `json:"now"`
}

// Cancel stops the request with that ID. What runs detached goes on.
type Cancel struct {
	ID uint64 `json:"id"`
}

// Raise puts a ticket's number on the host.
type Raise struct {
	Place  Place        `json:"place"`
	Ticket fence.Ticket `json:"ticket"`
}

// Saying is something to show while an operation works.
type Saying struct {
	Text string `json:"text"`
}

// Prepared is what the host has now: reference to the engine's image id, and the local tags that keep what runs now.
type Prepared struct {
	Images map[string]string `json:"images"`
	Kept   []string          `json:"kept"`
}

// RollRef names a rollout by its order's id; Skip leaves out that many entries of the attempt that is followed.
type RollRef struct {
	Place   Place  `json:"place"`
	Order   string `json:"order"`
	Attempt int64  `json:"attempt,omitempty"` // 0 means the newest
	Skip    int    `json:"skip,omitempty"`
}

// RollState says how a rollout stands. Known tells whether there is one, Attempt is the number of the ticket under
// which its newest attempt was started, Alive whether its process runs, Ended whether its journal has come to an end;
// Report is nil before.
type RollState struct {
	Known   bool            `json:"known"`
	Attempt int64           `json:"attempt,omitempty"`
	Alive   bool            `json:"alive,omitempty"`
	Ended   bool            `json:"ended,omitempty"`
	Report  *rollout.Report `json:"report,omitempty"`
}

// A RollEntry is one line of a rollout's journal.
type RollEntry struct {
	Entry rollout.Entry `json:"entry"`
}

// RunFile stores a file of a run. Name is a word.
type RunFile struct {
	Place   Place        `json:"place"`
	Ticket  fence.Ticket `json:"ticket"`
	Name    string       `json:"name"`
	Content []byte       `json:"content"`
}

// LedgerHead is the end of the ledger: its id, the hash of the last line, the lines of the last segment.
type LedgerHead struct {
	ID   string   `json:"id"`
	Hash string   `json:"hash"`
	Last [][]byte `json:"last,omitempty"`
}

// LedgerAppend appends a line after a hash.
type LedgerAppend struct {
	Place Place  `json:"place"`
	After string `json:"after"`
	Line  []byte `json:"line"`
}

// LedgerHash is the hash of an appended line, or the SHA-256 (hex) of a stored blob.
type LedgerHash struct {
	Hash string `json:"hash"`
}

// LedgerSegment asks for the lines of one run.
type LedgerSegment struct {
	Place Place  `json:"place"`
	Run   string `json:"run"`
}

// LedgerRuns asks for the newest runs, at most Limit (0 means all).
type LedgerRuns struct {
	Place Place `json:"place"`
	Limit int   `json:"limit,omitempty"`
}

// LedgerLines carries lines, oldest first.
type LedgerLines struct {
	Lines [][]byte `json:"lines"`
}

// LedgerBlob carries a blob, or asks for one by its SHA-256 (hex).
type LedgerBlob struct {
	Place   Place  `json:"place"`
	SHA256  string `json:"sha256,omitempty"`
	Content []byte `json:"content,omitempty"`
}
