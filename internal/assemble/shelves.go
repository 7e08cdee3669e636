package assemble

import (
	"errors"
	"slices"
	"strings"

	"fairlead/internal/backup"
	"fairlead/internal/backup/dir"
	shelf "fairlead/internal/backup/host"
	"fairlead/internal/backup/s3"
	"fairlead/internal/backup/sealed"
	"fairlead/internal/config"
	"fairlead/internal/host"
	"fairlead/internal/target/compose"
)

func (p *Project) wireBackup() error {
	b := p.Config.Backup.Store
	if !b.Present() {
		return nil
	}
	switch b.Kind {
	case "dir":
		var c dir.Config
		if err := b.Decode(&c); err != nil {
			return err
		}
		s, err := dir.Open(c, p.options.Env)
		if err != nil {
			return err
		}
		return p.keepIn(s, false)
	case "s3":
		s, err := openBucket(b)
		if err != nil {
			return err
		}
		return p.keepIn(s, true)
	case "host":
		return p.wireShelf(b)
	}
	return b.Errorf("kind", "backup.store.kind: %q is not known; dir, s3 and host are", b.Kind)
}

func openBucket(b config.Block) (backup.PrunableStore, error) {
	var c s3.Config
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	if key, err := c.Validate(); err != nil {
		return nil, b.Errorf(key, "backup.store: %v", err)
	}
	s, err := s3.Open(c)
	if err != nil {
		return nil, b.Errorf("endpoint", "backup.store: %v", err)
	}
	return s, nil
}

// wireShelf prepares a store on a host; the host is filled in by shelve, once the target is known.
func (p *Project) wireShelf(b config.Block) error {
	var c shelf.Config
	if err := b.Decode(&c); err != nil {
		return err
	}
	if key, err := c.Validate(); err != nil {
		return b.Errorf(key, "backup.store: %v", err)
	}
	if !p.Config.Target.Present() {
		return b.Errorf("kind", "backup.store.kind: host keeps backups on a host of the target, and there is no target")
	}
	p.shelf = &c
	return nil
}

// shelve opens the store on a host of the target.
func (p *Project) shelve(c compose.Config, hosts []*host.Host) error {
	if p.shelf == nil {
		return nil
	}
	at := 0
	if p.shelf.Host != "" {
		at = slices.Index(c.Hosts, p.shelf.Host)
	}
	if at < 0 {
		return p.Config.Backup.Store.Errorf("host", "backup.store.host: %q is none of target.hosts (%s)", p.shelf.Host, strings.Join(c.Hosts, ", "))
	}
	return p.keepIn(shelf.New(*p.shelf, hosts[at], c.Place(p.Config.App, p.Config.Environment)), false)
}

// keepIn makes s the store, below what encrypts and compresses. Away tells that backups leave for somebody else's machines: there,
// encryption is decided explicitly.
func (p *Project) keepIn(s backup.PrunableStore, away bool) error {
	b, compress := p.Config.Backup.Encryption, p.Config.Backup.Compression == "zstd"
	p.backups = s
	var c sealed.Config
	switch {
	case !b.Present() && away:
		return p.Config.Backup.Store.Errorf("kind", "backup.encryption is missing: a store of kind %s is on other machines, so a backup is encrypted (kind: age) or it is said why not (kind: none, with a reason)",
			p.Config.Backup.Store.Kind)
	case b.Present() && b.Kind == "none":
		if err := unencrypted(b); err != nil {
			return err
		}
	case b.Present() && b.Kind == "age":
		if err := b.Decode(&c); err != nil {
			return err
		}
		if len(c.Recipients) == 0 {
			return b.Errorf("recipients", "backup.encryption.recipients: there is none")
		}
	case b.Present():
		return b.Errorf("kind", "backup.encryption.kind: %q is not known; age and none are", b.Kind)
	}
	if len(c.Recipients) == 0 && !compress {
		return nil
	}
	over, err := sealed.Over(s, c, compress)
	if err != nil {
		return b.Errorf("recipients", "backup.encryption: %v", err)
	}
	p.backups = over
	return nil
}

func unencrypted(b config.Block) error {
	var c sealed.None
	if err := b.Decode(&c); err != nil {
		return err
	}
	if strings.TrimSpace(c.Reason) == "" {
		return b.Errorf("reason", "%v", errors.New("backup.encryption.reason: kind none needs a reason"))
	}
	return nil
}
