package wire

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// The operations on a directory of objects: files on the host, each of which appears under its name whole or not at
// all. A file that is begun is held by the agent of the connection and is gone with it. Bytes go beside the JSON.
const (
	OpObjectLook   Op = "shelf.look"   // ObjectLook → ObjectRoom; changes nothing
	OpObjectBegin  Op = "shelf.begin"  // ObjectName → ObjectPartial
	OpObjectWrite  Op = "shelf.write"  // ObjectPartial, bytes → nothing
	OpObjectCommit Op = "shelf.commit" // ObjectPartial → nothing; what is on the disk must have its size and sha256
	OpObjectAbort  Op = "shelf.abort"  // ObjectPartial → nothing
	OpObjectRead   Op = "shelf.read"   // ObjectRead → ObjectPiece, bytes
	OpObjectList   Op = "shelf.list"   // ObjectDir → Objects
	OpObjectRemove Op = "shelf.remove" // ObjectName → nothing
	OpObjectSweep  Op = "shelf.sweep"  // ObjectSweep → Objects
)

// CodeFull is the answer when there is no room.
const CodeFull Code = "full"

// ObjectChunk is how many bytes one message about an object carries at most.
const ObjectChunk = 1 << 20

// An ObjectDir is a directory.
type ObjectDir struct {
	Directory string `json:"directory"`
}

// Validate tells when it is not one.
func (s ObjectDir) Validate() error {
	if !path.IsAbs(s.Directory) || strings.ContainsRune(s.Directory, 0) || path.Clean(s.Directory) == "/" {
		return fmt.Errorf("%q is not an absolute path of a directory", s.Directory)
	}
	return nil
}

// ObjectName names a file.
type ObjectName struct {
	ObjectDir
	Name string `json:"name"`
}

// ObjectPartial is a file that was begun on this connection. Offset is how many bytes were written before this message;
// Size and SHA256 (hex) are those of all that was written, at commit.
type ObjectPartial struct {
	ID     int64  `json:"id"`
	Offset int64  `json:"offset,omitempty"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// ObjectRead asks for a piece of a file, or of a partial one when ID is not 0; it is made durable before and read from
// the disk.
type ObjectRead struct {
	ObjectName
	ID     int64 `json:"id,omitempty"`
	Offset int64 `json:"offset"`
}

// ObjectPiece goes with bytes. Size is that of the whole file.
type ObjectPiece struct {
	Size int64 `json:"size"`
}

// ObjectLook asks for room, and which of some other paths are on the same disk.
type ObjectLook struct {
	ObjectDir
	Beside []string `json:"beside,omitempty"`
}

// ObjectRoom is what there is: bytes that are free, why nothing could be written (or ""), and which paths are on the
// same disk.
type ObjectRoom struct {
	Free   int64    `json:"free"`
	Why    string   `json:"why,omitempty"`
	Beside []string `json:"beside,omitempty"`
}

// ObjectSweep asks for files that were begun, last written to before a time, and are held by nobody; Dry only tells
// them.
type ObjectSweep struct {
	ObjectDir
	Before time.Time `json:"before"`
	Dry    bool      `json:"dry,omitempty"`
}

// Objects are files, the newest first.
type Objects struct {
	Files []Object `json:"files"`
}

// An Object is one file.
type Object struct {
	Name string    `json:"name"`
	Size int64     `json:"size"`
	At   time.Time `json:"at"`
}
