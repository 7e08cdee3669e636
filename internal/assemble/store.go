package assemble

import (
	"fairlead/internal/backup"
	"fairlead/internal/backup/dir"
	backuphost "fairlead/internal/backup/host"
	"fairlead/internal/backup/s3"
	"fairlead/internal/backup/sealed"
	"fairlead/internal/host"
)

// openStore opens the place of backups, below what encrypts and compresses; nil where none is configured.
func openStore(b blocks, hosts []*host.Host, env func(string) (string, bool)) (backup.Store, error) {
	at := b.Backup.Store
	var s backup.PrunableStore
	var err error
	switch {
	case b.store.dir != nil:
		s, err = dir.Open(*b.store.dir, env)
	case b.store.s3 != nil:
		if s, err = s3.Open(*b.store.s3); err != nil {
			err = at.Errorf("endpoint", "backup.store: %v", err)
		}
	case b.store.host != nil:
		var h *host.Host
		if h, err = hostNamed(b, hosts, at, "backup.store", b.store.host.Host); err == nil {
			s = backuphost.New(*b.store.host, h, b.target.Fleet().Place(b.App, b.Environment))
		}
	default:
		return nil, nil
	}
	compress := b.Backup.Compression == "zstd"
	if err != nil || len(b.sealing.Recipients) == 0 && !compress {
		return s, err
	}
	over, err := sealed.Over(s, b.sealing, compress)
	if err != nil {
		return nil, b.Backup.Encryption.Errorf("recipients", "backup.encryption: %v", err)
	}
	return over, nil
}
