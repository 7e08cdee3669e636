package wire

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// The operations on a shelf: a directory of files on the host, each of which appears under its name whole or not at
// all. A file that is begun is held by the agent of the connection and is gone with it. Bytes go beside the JSON.
const (
	OpShelfLook   Op = "shelf.look"   // ShelfLook → ShelfRoom; changes nothing
	OpShelfBegin  Op = "shelf.begin"  // ShelfFile → ShelfPartial
	OpShelfWrite  Op = "shelf.write"  // ShelfPartial, bytes → nothing
	OpShelfCommit Op = "shelf.commit" // ShelfPartial → nothing; what is on the disk must have its size and sha256
	OpShelfAbort  Op = "shelf.abort"  // ShelfPartial → nothing
	OpShelfRead   Op = "shelf.read"   // ShelfRead → ShelfPiece, bytes
	OpShelfList   Op = "shelf.list"   // Shelf → ShelfFiles
	OpShelfRemove Op = "shelf.remove" // ShelfFile → nothing
	OpShelfSweep  Op = "shelf.sweep"  // ShelfSweep → ShelfFiles
)

// CodeFull is the answer when there is no room.
const CodeFull Code = "full"

// ShelfChunk is how many bytes one message of a shelf carries at most.
const ShelfChunk = 1 << 20

// A Shelf is a directory.
type Shelf struct {
	Directory string `json:"directory"`
}

// Validate tells when it is not one.
func (s Shelf) Validate() error {
	if !path.IsAbs(s.Directory) || strings.ContainsRune(s.Directory, 0) || path.Clean(s.Directory) == "/" {
		return fmt.Errorf("%q is not an absolute path of a directory", s.Directory)
	}
	return nil
}

// ShelfFile names a file.
type ShelfFile struct {
	Shelf
	Name string `json:"name"`
}

// ShelfPartial is a file that was begun on this connection. Offset is how many bytes were written before this message;
// Size and SHA256 (hex) are those of all that was written, at commit.
type ShelfPartial struct {
	ID     int64  `json:"id"`
	Offset int64  `json:"offset,omitempty"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// ShelfRead asks for a piece of a file, or of a partial one when ID is not 0; it is made durable before and read from
// the disk.
type ShelfRead struct {
	ShelfFile
	ID     int64 `json:"id,omitempty"`
	Offset int64 `json:"offset"`
}

// ShelfPiece goes with bytes. Size is that of the whole file.
type ShelfPiece struct {
	Size int64 `json:"size"`
}

// ShelfLook asks for room, and which of some other paths are on the same disk.
type ShelfLook struct {
	Shelf
	Beside []string `json:"beside,omitempty"`
}

// ShelfRoom is what there is: bytes that are free, why nothing could be written (or ""), and which paths are on the
// same disk.
type ShelfRoom struct {
	Free   int64    `json:"free"`
	Why    string   `json:"why,omitempty"`
	Beside []string `json:"beside,omitempty"`
}

// ShelfSweep asks for files that were begun, last written to before a time, and are held by nobody; Dry only tells
// them.
type ShelfSweep struct {
	Shelf
	Before time.Time `json:"before"`
	Dry    bool      `json:"dry,omitempty"`
}

// ShelfFiles are files, the newest first.
type ShelfFiles struct {
	Files []ShelfEntry `json:"files"`
}

// A ShelfEntry is one file.
type ShelfEntry struct {
	Name string    `json:"name"`
	Size int64     `json:"size"`
	At   time.Time `json:"at"`
}
