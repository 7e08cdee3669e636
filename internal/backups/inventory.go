package backups

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"fairlead/internal/backup"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/step"
)

// The names of what belongs to a backup.
const (
	dumpSuffix     = ".dump"
	manifestSuffix = ".dump.json"
	globalsSuffix  = ".dump.globals.sql"
)

// inventory lists the backups of a store with what their manifests say, the newest first. Objects that are no part of a
// backup are left out.
func inventory(ctx context.Context, s backup.Store) ([]backup.Entry, error) {
	objects, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]*backup.Entry{}
	for _, o := range objects {
		name, ok := partOf(o.Name)
		if !ok {
			continue
		}
		k := found[name]
		if k == nil {
			k = &backup.Entry{Name: name}
			found[name] = k
		}
		if o.At.After(k.Occupied) {
			k.Occupied = o.At
		}
		if o.Name == name {
			k.Dump, k.Size, k.At = true, o.Size, o.At
			continue
		}
		k.Beside = append(k.Beside, o.Name)
	}
	all := []backup.Entry{}
	for _, k := range found {
		if err := label(ctx, s, k); err != nil {
			return nil, err
		}
		all = append(all, *k)
	}
	slices.SortFunc(all, func(a, b backup.Entry) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(b.Name, a.Name))
	})
	return all, nil
}

// partOf gives the backup that an object belongs to.
func partOf(object string) (name string, ok bool) {
	for _, suffix := range []string{manifestSuffix, globalsSuffix, dumpSuffix} {
		if base, ok := strings.CutSuffix(object, suffix); ok && base != "" {
			return base + dumpSuffix, true
		}
	}
	return "", false
}

// label reads the manifest of a backup. One that is missing or cannot be read is a trouble of that backup, a store that
// does not answer is an error.
func label(ctx context.Context, s backup.Store, k *backup.Entry) error {
	slices.Sort(k.Beside)
	if k.At.IsZero() {
		k.At = k.Occupied
	}
	if !slices.Contains(k.Beside, k.Name+".json") {
		k.Trouble = "it has no manifest: it was never verified, or is not finished"
		return nil
	}
	m, err := step.ReadManifest(ctx, s, k.Name)
	if f, ok := fault.Find(err); ok {
		return f
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		k.Trouble = err.Error()
		return nil
	}
	k.At = m.Snapshot
	k.Label = &backup.Label{App: m.App, Environment: m.Env, Run: m.Run, Database: m.Database, Server: m.Server,
		Level: m.Level, SHA256: m.SHA256, Size: m.Size, Tables: len(m.Tables)}
	if m.Stored != nil {
		k.Label.Encryption, k.Label.Recipients, k.Label.Compression = m.Stored.Encryption, m.Stored.Recipients,
			m.Stored.Compression
	}
	_, size := m.AsStored()
	switch {
	case !k.Dump:
		k.Trouble = "its dump is gone"
	case k.Size != size:
		k.Trouble = fmt.Sprintf("the store has %d bytes of it, %d were written", k.Size, size)
	}
	return nil
}

// rereadGlobals reads the roles beside a backup and compares their size and hash with the manifest.
func rereadGlobals(ctx context.Context, s backup.Store, m backup.Manifest) error {
	r, err := s.Open(ctx, m.Globals.Name)
	if err != nil {
		return fmt.Errorf("read the roles beside it: %w", err)
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, m.Globals.Size+1))
	if err != nil {
		return fmt.Errorf("read the roles beside it: %w", err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != m.Globals.Size || got != m.Globals.SHA256 {
		return fmt.Errorf("%w: the roles beside it have the sha256 %.12s…, written was %.12s…", backup.ErrChanged, got,
			m.Globals.SHA256)
	}
	return nil
}

// cited gives the backups that records of a run speak of, with the sha256 that they had when they were taken.
func cited(records []engine.Record) map[string]string {
	all := map[string]string{}
	for _, r := range records {
		var m backup.Manifest
		switch r.Kind {
		case step.TakenKind:
			if json.Unmarshal(r.Evidence, &m) != nil {
				continue
			}
		case step.BackedUp{}.Kind():
			var b step.BackedUp
			if json.Unmarshal(r.Evidence, &b) != nil {
				continue
			}
			m = b.Manifest
		}
		if m.Name != "" {
			all[m.Name] = m.SHA256
		}
	}
	return all
}

// errUncited tells that the ledger knows another sha256 of a backup than its manifest.
var errUncited = errors.New("the manifest is not the one that the run has recorded")

// asRecorded compares a manifest with what the run that took the backup has recorded of it. A backup that no record
// speaks of is fine.
func asRecorded(records []engine.Record, m backup.Manifest) error {
	if sum, ok := cited(records)[m.Name]; ok && sum != m.SHA256 {
		return fmt.Errorf("%w: run %s says sha256 %.12s…, the manifest %.12s…", errUncited, m.Run, sum, m.SHA256)
	}
	return nil
}
