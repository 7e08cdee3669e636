package agent

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"fairlead/internal/atomicfile"
	"fairlead/internal/fence"
	"fairlead/internal/release"
	"fairlead/internal/wire"
)

// keeper keeps the largest ticket of one place. The ticket stands in the place itself, where every deploy user meets
// it, and a copy beside the agent, so that a place that was emptied is noticed.
type keeper struct {
	place wire.Place
	copy  string
}

func (s Server) keeper(p wire.Place) keeper {
	sum := release.SumDigest([]byte(p.Directory)).Hex()[:8]
	home := filepath.Dir(filepath.Dir(s.Program))
	return keeper{p, filepath.Join(home, "state", p.App, p.Environment+"-"+sum, "ticket.json")}
}

// known gives the largest ticket seen; the zero Ticket when there was none.
func (k keeper) known() (fence.Ticket, error) {
	for _, name := range []string{k.place.Ticket(), k.copy} {
		b, err := readFile(name)
		if err != nil {
			return fence.Ticket{}, fmt.Errorf("read the fence: %w", err)
		}
		if len(b) == 0 {
			continue
		}
		var t fence.Ticket
		if err := json.Unmarshal(b, &t); err != nil {
			return t, fmt.Errorf("read the fence %s: %w", name, err)
		}
		return t, nil
	}
	return fence.Ticket{}, nil
}

// check refuses a ticket that is smaller than the largest one, and remembers nothing.
func (k keeper) check(t fence.Ticket) error {
	known, err := k.known()
	if err != nil {
		return err
	}
	return t.Check(known)
}

// raise refuses a smaller ticket and remembers a larger one, durably, before it returns.
func (k keeper) raise(t fence.Ticket) error {
	switch {
	case t.App != k.place.App || t.Environment != k.place.Environment:
		return wire.Fail(wire.CodeBadRequest, "the ticket is for "+t.App+" in "+t.Environment, nil)
	case t.Ledger == "" || t.Number < 1 || !release.Word(t.Run):
		return wire.Fail(wire.CodeBadRequest, "the ticket lacks ledger, run or number", nil)
	}
	held, err := k.lock()
	if err != nil {
		return err
	}
	defer held.Close()
	known, err := k.known()
	if err != nil {
		return err
	}
	if err := t.Check(known); err != nil {
		return err
	}
	b, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write the fence: %w", err)
	}
	if known == t {
		if _, err := os.Stat(k.place.Ticket()); err == nil {
			return nil
		}
	}
	if err := atomicfile.Write(k.place.Ticket(), b, fileMode); err != nil {
		return err
	}
	return k.remember(b)
}

// remember writes the copy beside the agent.
func (k keeper) remember(ticket []byte) error {
	if err := os.MkdirAll(filepath.Dir(k.copy), 0o700); err != nil {
		return fmt.Errorf("write the fence: %w", err)
	}
	return atomicfile.Write(k.copy, ticket, 0o600)
}

// lock serializes what changes the fence and what starts rollouts in a place.
func (k keeper) lock() (*os.File, error) {
	if err := makeDir(k.place.Directory, k.place.State()); err != nil {
		return nil, err
	}
	return lock(filepath.Join(k.place.State(), "lock"), true)
}

func (s Server) raise(b wire.Raise) error {
	k, err := s.keeperOf(b.Place)
	if err != nil {
		return err
	}
	return k.raise(b.Ticket)
}

// keeperOf is the keeper of a place that came with a request.
func (s Server) keeperOf(p wire.Place) (keeper, error) {
	if err := p.Validate(); err != nil {
		return keeper{}, wire.Fail(wire.CodeBadRequest, err.Error(), nil)
	}
	return s.keeper(p), nil
}

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
