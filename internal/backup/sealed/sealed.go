// Package sealed encrypts, compresses, or both, what another store keeps. A machine that takes backups has only public
// keys; it can read back what it wrote as long as the process lives that wrote it, and nothing else. Manifests stay
// readable. It is not a store of its own. Start with Config and Over.
package sealed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"

	"fairlead/internal/backup"
	"fairlead/internal/config"
)

// Config is the block of an encryption of kind age.
type Config struct {
	// Public keys (age1…) that a backup is encrypted to. Each of their owners can read it.
	Recipients []string `yaml:"recipients,required"`
	// File with a secret key (AGE-SECRET-KEY-…), for restoring and verifying. It need not exist on a machine that only
	// takes backups, and should not.
	Identity config.Path `yaml:"identity"`
}

// None is the block of an encryption of kind none.
type None struct {
	// Why backups leave the host unencrypted; stands in each manifest.
	Reason string `yaml:"reason,required"`
}

// Store is a store over another one, which answers for itself what is not sealed: Ready, List (sizes are of what is
// kept), Delete and Sweep. It is safe for use by several goroutines.
type Store struct {
	backup.PrunableStore
	recipients []age.Recipient
	names      []string
	identity   string
	compress   bool
}

var (
	_ backup.PrunableStore = (*Store)(nil)
	_ backup.SealedStore   = (*Store)(nil)
)

// maxRecipients is how many public keys there may be.
const maxRecipients = 20

// Over encrypts what under keeps to the recipients of c, and compresses it before where compress is true. Without
// recipients it only compresses. It reads no secret key.
func Over(under backup.PrunableStore, c Config, compress bool) (*Store, error) {
	s := &Store{PrunableStore: under, identity: c.Identity.String(), compress: compress}
	if len(c.Recipients) > maxRecipients {
		return nil, fmt.Errorf("there are %d recipients, at most %d can be", len(c.Recipients), maxRecipients)
	}
	for i, text := range c.Recipients {
		r, err := recipient(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("recipient %d: %w", i+1, err)
		}
		s.recipients, s.names = append(s.recipients, r), append(s.names, strings.TrimSpace(text))
	}
	if len(s.recipients) == 0 && !compress {
		return nil, errors.New("there is no recipient")
	}
	if len(s.recipients) > 0 {
		if _, err := age.Encrypt(io.Discard, s.recipients...); err != nil {
			return nil, fmt.Errorf("the recipients: %w", err)
		}
	}
	return s, nil
}

// recipient reads a public key. What was given is never repeated: somebody may have put the secret key there.
func recipient(text string) (age.Recipient, error) {
	switch {
	case strings.HasPrefix(strings.ToUpper(text), "AGE-SECRET-KEY-"):
		return nil, errors.New(
			"this is a SECRET key; take it out of the file, and give its public key (age-keygen -y KEYFILE prints it)")
	case strings.HasPrefix(text, "ssh-"):
		return nil, errors.New("ssh keys are not supported yet; age1… keys are")
	}
	all, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(all) != 1 {
		return nil, errors.New("this is not an age public key (age1…)")
	}
	return all[0], nil
}

// Underlying gives the store of what is kept.
func (s *Store) Underlying() backup.PrunableStore { return s.PrunableStore }

// Location is that of the store beneath.
func (s *Store) Location() string {
	if len(s.recipients) == 0 {
		return s.PrunableStore.Location()
	}
	return s.PrunableStore.Location() + ", encrypted"
}

// Notes is what the store beneath says about itself.
func (s *Store) Notes(ctx context.Context) ([]string, error) {
	if n, ok := s.PrunableStore.(interface {
		Notes(ctx context.Context) ([]string, error)
	}); ok {
		return n.Notes(ctx)
	}
	return nil, nil
}

// Free is what the store beneath says; errors.ErrUnsupported where it cannot tell.
func (s *Store) Free() (int64, error) {
	if f, ok := s.PrunableStore.(interface{ Free() (int64, error) }); ok {
		return f.Free()
	}
	return 0, errors.ErrUnsupported
}

// plain tells which objects are kept as they are: manifests, which hold no rows, so that backups can be listed, checked
// and pruned without a key.
func plain(name string) bool { return strings.HasSuffix(name, ".json") }

// Put begins an object.
func (s *Store) Put(ctx context.Context, name string) (backup.Partial, error) {
	under, err := s.PrunableStore.Put(ctx, name)
	if err != nil || plain(name) {
		return under, err
	}
	return s.seal(name, under)
}

// Open reads a visible object as it was written. An object that was stored before encryption was configured is read as
// it is. backup.ErrSealed when it is encrypted and no key of it is here.
func (s *Store) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	under, err := s.PrunableStore.Open(ctx, name)
	if err != nil || plain(name) {
		return under, err
	}
	r, err := unseal(under, s.keys)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", name, err), under.Close())
	}
	return r, nil
}

// maxIdentity is the largest key file that is read.
const maxIdentity = 1 << 20

// keys reads the secret keys, when they are needed.
func (s *Store) keys() ([]age.Identity, error) {
	if s.identity == "" {
		return nil, fmt.Errorf("%w: backup.encryption.identity names no key file", backup.ErrSealed)
	}
	f, err := os.Open(s.identity)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no %s", backup.ErrSealed, s.identity)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", backup.ErrSealed, err)
	}
	defer f.Close()
	all, err := age.ParseIdentities(io.LimitReader(f, maxIdentity))
	if err != nil {
		return nil, fmt.Errorf(
			"%w: %s cannot be read as age secret keys (one that is itself encrypted must be decrypted first)",
			backup.ErrSealed, s.identity)
	}
	return all, nil
}
