package assemble

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"fairlead/internal/backup/dir"
	backuphost "fairlead/internal/backup/host"
	"fairlead/internal/backup/s3"
	"fairlead/internal/backup/sealed"
	"fairlead/internal/config"
	"fairlead/internal/database/postgres"
	"fairlead/internal/sqlreview"
	"fairlead/internal/target/compose"
)

// blocks is everything that the owners of the configuration's blocks make of them; nil where a block is absent.
type blocks struct {
	config.Config
	policy   sqlreview.Policy
	database *postgres.Config
	target   *compose.Config
	store    storeBlock
	sealing  sealed.Config // no recipients: backups are not encrypted
	record   []channel
	escalate []channel
}

// storeBlock is where backups are kept; at most one is not nil.
type storeBlock struct {
	dir  *dir.Config
	s3   *s3.Config
	host *backuphost.Config
}

// decode lets the owner of each block decode it, and finds what does not go together. Its errors are about the
// configuration, with line and column. Nothing is constructed.
func decode(c config.Config) (blocks, error) {
	b := blocks{Config: c}
	for _, one := range []func() error{b.checkSource, b.decodeReview, b.decodeDatabase, b.decodeStore,
		b.decodeSealing, b.decodeNotes, b.decodeTarget} {
		if err := one(); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (b *blocks) checkSource() error {
	_, err := Source(b.Config, "")
	return err
}

// decoded decodes a block; with what validates itself, the error names the key.
func decoded[T any](b config.Block, of string) (*T, error) {
	c := new(T)
	if err := b.Decode(c); err != nil {
		return nil, err
	}
	if v, ok := any(*c).(interface{ Validate() (string, error) }); ok {
		if key, err := v.Validate(); err != nil {
			return nil, b.Errorf(key, "%s: %v", of, err)
		}
	}
	return c, nil
}

func (b *blocks) decodeReview() (err error) {
	b.policy, err = ReviewPolicy(b.Config)
	return err
}

// ReviewPolicy gives the policy that a configuration asks for. A rule that is not known, or may not be given that
// level, is an error with line and column.
func ReviewPolicy(c config.Config) (sqlreview.Policy, error) {
	r := c.Review
	p := sqlreview.Policy{SmallRows: r.SmallRows, SmallBytes: r.SmallMiB << 20, TraceLowers: r.Trace == "lowers",
		Rules: map[string]sqlreview.Level{}}
	if r.SmallRows == 0 {
		p.SmallRows = -1 // no table is small
	}
	for _, rule := range slices.Sorted(maps.Keys(r.Rules)) {
		level := sqlreview.Level(r.Rules[rule])
		if err := sqlreview.CheckLevel(rule, level); err != nil {
			return p, c.Errorf("review.rules."+rule, "review.rules.%s: %v", rule, err)
		}
		p.Rules[rule] = level
	}
	return p, nil
}

func (b *blocks) decodeDatabase() (err error) {
	at := b.Config.Database
	if !at.Present() {
		return nil
	}
	if b.database, err = decoded[postgres.Config](at, "database"); err != nil {
		return err
	}
	if b.database.Via != postgres.ViaDirect && !b.Config.Target.Present() {
		return at.Errorf("via", "database.via: %s leads through a host of the target, and there is no target",
			b.database.Via)
	}
	return nil
}

func (b *blocks) decodeStore() (err error) {
	at := b.Backup.Store
	if !at.Present() {
		return nil
	}
	switch at.Kind {
	case "dir":
		b.store.dir, err = decoded[dir.Config](at, "backup.store")
	case "s3":
		b.store.s3, err = decoded[s3.Config](at, "backup.store")
	case "host":
		if b.store.host, err = decoded[backuphost.Config](at, "backup.store"); err == nil &&
			!b.Config.Target.Present() {
			err = at.Errorf("kind",
				"backup.store.kind: host keeps backups on a host of the target, and there is no target")
		}
	default:
		err = at.Errorf("kind", "backup.store.kind: %q is not known; dir, s3 and host are", at.Kind)
	}
	return err
}

// decodeSealing decides whether backups are encrypted. Where they leave for somebody else's machines, that is decided
// explicitly.
func (b *blocks) decodeSealing() error {
	at := b.Backup.Encryption
	switch {
	case !at.Present() && b.store.s3 != nil:
		return b.Backup.Store.Errorf("kind",
			"backup.encryption is missing: a store of kind %s is on other machines, so a backup is encrypted "+
				"(kind: age) or it is said why not (kind: none, with a reason)", b.Backup.Store.Kind)
	case !at.Present() || !b.Backup.Store.Present():
	case at.Kind == "none":
		none, err := decoded[sealed.None](at, "")
		if err == nil && strings.TrimSpace(none.Reason) == "" {
			err = at.Errorf("reason", "%v", errors.New("backup.encryption.reason: kind none needs a reason"))
		}
		return err
	case at.Kind == "age":
		if err := at.Decode(&b.sealing); err != nil {
			return err
		}
		if len(b.sealing.Recipients) == 0 {
			return at.Errorf("recipients", "backup.encryption.recipients: there is none")
		}
	default:
		return at.Errorf("kind", "backup.encryption.kind: %q is not known; age and none are", at.Kind)
	}
	return nil
}

func (b *blocks) decodeNotes() (err error) {
	if b.record, err = decodeChannels(b.Record.Notify); err != nil {
		return err
	}
	b.escalate, err = decodeChannels(b.Escalation.Notify)
	return err
}

func (b *blocks) decodeTarget() (err error) {
	at := b.Config.Target
	if !at.Present() {
		return nil
	}
	switch at.Kind {
	case "compose":
		b.target, err = decoded[compose.Config](at, "target")
		return err
	case "swarm", "kubernetes", "embedded":
		return at.Errorf("kind", "target.kind: %s is not supported yet; compose is", at.Kind)
	}
	return at.Errorf("kind", "target.kind: %q is not known; compose is", at.Kind)
}
