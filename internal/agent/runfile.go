package agent

import (
	"path/filepath"

	"fairlead/internal/atomicfile"
	"fairlead/internal/release"
	"fairlead/internal/wire"
)

// storeFile stores a file of a run, for its owner and group only.
func (s Server) storeFile(b wire.RunFile) error {
	k, err := s.keeperOf(b.Place)
	if err != nil {
		return err
	}
	if !release.Word(b.Name) || len(b.Content) > wire.MaxBlob {
		return wire.Fail(wire.CodeBadRequest, "the file has no usable name, or is too large", nil)
	}
	if err := k.raise(b.Ticket); err != nil {
		return err
	}
	dir := filepath.Join(b.Place.State(), "runs", b.Ticket.Run)
	if err := makeDir(b.Place.Directory, dir); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, b.Name), b.Content, 0o600)
}
