package sealed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"fairlead/internal/backup"
	"fairlead/internal/backup/backuptest"
	"fairlead/internal/backup/dir"
	"fairlead/internal/config"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keypair gives a public key and the file of its secret one.
func keypair(t *testing.T) (public, file string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	must(t, err)
	file = filepath.Join(t.TempDir(), "key.txt")
	must(t, os.WriteFile(file, []byte("# a comment\n"+id.String()+"\n"), 0o600))
	return id.Recipient().String(), file
}

func under(t *testing.T, path string) backup.PrunableStore {
	t.Helper()
	s, err := dir.Open(dir.Config{Path: config.Path(path)}, func(string) (string, bool) { return "", false })
	must(t, err)
	return s
}

func over(t *testing.T, path string, c Config, compress bool) *Store {
	t.Helper()
	s, err := Over(under(t, path), c, compress)
	must(t, err)
	return s
}

func stored(t *testing.T, s backup.Store, name, text string) backup.Partial {
	t.Helper()
	p, err := s.Put(t.Context(), name)
	must(t, err)
	t.Cleanup(func() { _ = p.Abort() })
	_, err = io.WriteString(p, text)
	must(t, err)
	return p
}

func all(t *testing.T, r io.ReadCloser, err error) string {
	t.Helper()
	must(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	must(t, err)
	return string(b)
}

func TestStore_keeps_the_contract(t *testing.T) {
	public, file := keypair(t)
	for _, kind := range []struct {
		name     string
		to       []string
		compress bool
	}{{"encrypted", []string{public}, false}, {"compressed", nil, true},
		{"compressed and encrypted", []string{public}, true}} {
		t.Run(kind.name, func(t *testing.T) {
			backuptest.Exercise(t, func(t *testing.T) backuptest.Fixture {
				path := t.TempDir()
				return backuptest.Fixture{
					Sealed: true,
					Open: func(t *testing.T) backuptest.Store {
						return over(t, path, Config{Recipients: kind.to, Identity: config.Path(file)}, kind.compress)
					},
					Hidden: func(t *testing.T) []string {
						left, err := filepath.Glob(filepath.Join(path, ".fairlead-*"))
						must(t, err)
						return left
					},
					Damage: func(t *testing.T, name string) { flip(t, filepath.Join(path, name)) },
				}
			})
		})
	}
}

func flip(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	b[len(b)/2] ^= 1
	must(t, os.WriteFile(path, b, 0o600))
}

func TestRunner_without_a_secret_key_reads_back_what_it_wrote_and_nothing_else(t *testing.T) {
	public, file := keypair(t)
	path := t.TempDir()
	runner := over(t, path, Config{Recipients: []string{public}}, true)
	text := strings.Repeat("rows of customers, ", 10000)
	p := stored(t, runner, "a.dump", text)
	r, err := p.Reread(t.Context())
	if all(t, r, err) != text {
		t.Error("it does not read back what it wrote")
	}
	must(t, p.Commit(t.Context()))
	if _, err := over(t, path, Config{Recipients: []string{public}}, true).Open(t.Context(),
		"a.dump"); !errors.Is(err, backup.ErrSealed) {
		t.Errorf("another process of the runner opens it: %v, want ErrSealed", err)
	}
	kept, err := os.ReadFile(filepath.Join(path, "a.dump"))
	must(t, err)
	if bytes.Contains(kept, []byte("customers")) || len(kept) > len(text)/10 {
		t.Errorf("what is kept (%d bytes) is not encrypted, or not compressed", len(kept))
	}
	if n := strings.Count(string(kept[:bytes.Index(kept, []byte("\n---"))]), "\n-> "); n != 1 {
		t.Errorf("it is encrypted to %d keys, want only that of the recipient", n)
	}
	holder := over(t, path, Config{Recipients: []string{public}, Identity: config.Path(file)}, false)
	r, err = holder.Open(t.Context(), "a.dump")
	if all(t, r, err) != text {
		t.Error("the holder of the key does not read what was written")
	}
	_, other := keypair(t)
	if _, err := over(t, path, Config{Recipients: []string{public}, Identity: config.Path(other)},
		false).Open(t.Context(), "a.dump"); !errors.Is(err, backup.ErrSealed) {
		t.Errorf("somebody else's key opens it: %v, want ErrSealed", err)
	}
}

func TestReread_finds_every_changed_bit_of_what_is_kept(t *testing.T) {
	public, _ := keypair(t)
	for _, compress := range []bool{false, true} {
		path := t.TempDir()
		s := over(t, path, Config{Recipients: []string{public}}, compress)
		p := stored(t, s, "a", strings.Repeat("0123456789", 50))
		r, err := p.Reread(t.Context())
		all(t, r, err)
		hidden, err := filepath.Glob(filepath.Join(path, ".fairlead-*"))
		must(t, err)
		whole, err := os.ReadFile(hidden[0])
		must(t, err)
		for at := range whole {
			b := bytes.Clone(whole)
			b[at] ^= 1 << (at % 8)
			must(t, os.WriteFile(hidden[0], b, 0o600))
			if readable(t.Context(), p) == nil {
				t.Errorf("compressed %v: a changed bit in byte %d of %d is not found", compress, at, len(whole))
			}
		}
		for _, n := range []int{1, len(whole) / 2, len(whole) - 1} {
			must(t, os.WriteFile(hidden[0], whole[:len(whole)-n], 0o600))
			if readable(t.Context(), p) == nil {
				t.Errorf("compressed %v: %d bytes less are not found", compress, n)
			}
		}
		must(t, os.WriteFile(hidden[0], append(bytes.Clone(whole), 'x'), 0o600))
		if readable(t.Context(), p) == nil {
			t.Errorf("compressed %v: a byte more is not found", compress)
		}
		must(t, os.WriteFile(hidden[0], whole, 0o600))
		must(t, readable(t.Context(), p))
	}
}

func readable(ctx context.Context, p backup.Partial) error {
	r, err := p.Reread(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

func TestManifest_holds_what_is_kept_and_the_store_is_compared_with_it_without_a_key(t *testing.T) {
	public, _ := keypair(t)
	path := t.TempDir()
	s := over(t, path, Config{Recipients: []string{public}}, false)
	p := stored(t, s, "a.dump", "rows")
	must(t, p.Commit(t.Context()))
	m := backup.Manifest{Name: "a.dump", SHA256: "of the plain text", Size: 4, Stored: backup.StoredOf(p)}
	if m.Stored == nil || m.Stored.Encryption != "age" || len(m.Stored.Recipients) != 1 ||
		m.Stored.Recipients[0] != public {
		t.Fatalf("stored is %+v", m.Stored)
	}
	must(t, backup.Reread(t.Context(), s, m))
	flip(t, filepath.Join(path, "a.dump"))
	if err := backup.Reread(t.Context(), s, m); !errors.Is(err, backup.ErrChanged) {
		t.Errorf("a changed bit: %v, want ErrChanged", err)
	}
	must(t, os.Truncate(filepath.Join(path, "a.dump"), 10))
	if err := backup.Reread(t.Context(), s, m); !errors.Is(err, backup.ErrChanged) {
		t.Errorf("a cut: %v, want ErrChanged", err)
	}
	must(t, os.Remove(filepath.Join(path, "a.dump")))
	if err := backup.Reread(t.Context(), s, m); !errors.Is(err, backup.ErrMissing) {
		t.Errorf("a backup that is gone: %v, want ErrMissing", err)
	}
}

func TestManifests_are_kept_readable(t *testing.T) {
	public, _ := keypair(t)
	path := t.TempDir()
	b, err := json.Marshal(backup.Manifest{Name: "a.dump"})
	must(t, err)
	p := stored(t, over(t, path, Config{Recipients: []string{public}}, true), "a.dump.json", string(b))
	must(t, p.Commit(t.Context()))
	if backup.StoredOf(p) != nil {
		t.Error("a manifest is said to be kept otherwise than written")
	}
	kept, err := os.ReadFile(filepath.Join(path, "a.dump.json"))
	if err != nil || string(kept) != string(b) {
		t.Errorf("it is kept as %q (error %v)", kept, err)
	}
}

func TestOpen_reads_what_was_stored_before_encryption_was_configured(t *testing.T) {
	public, _ := keypair(t)
	path := t.TempDir()
	must(t, stored(t, under(t, path), "old.dump", "PGDMP and rows").Commit(t.Context()))
	r, err := over(t, path, Config{Recipients: []string{public}}, true).Open(t.Context(), "old.dump")
	if got := all(t, r, err); got != "PGDMP and rows" {
		t.Errorf("it reads %q", got)
	}
}

func TestOver_refuses_what_is_no_public_key_and_never_repeats_it(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	must(t, err)
	hybrid, err := age.GenerateHybridIdentity()
	must(t, err)
	for _, c := range []struct {
		name string
		to   []string
		fine bool
	}{
		{"a public key", []string{id.Recipient().String()}, true},
		{"a post-quantum one", []string{hybrid.Recipient().String()}, true},
		{"both, which age refuses to mix", []string{id.Recipient().String(), hybrid.Recipient().String()}, false},
		{"none", nil, false},
		{"a secret key", []string{id.String()}, false},
		{"an ssh key", []string{"ssh-ed25519 AAAA"}, false},
		{"a key with a letter changed", []string{strings.Replace(id.Recipient().String(), "age1", "age1q", 1)}, false},
		{"two keys on two lines", []string{id.Recipient().String() + "\n" + id.Recipient().String()}, false},
		{"a comment", []string{"# nothing"}, false},
	} {
		_, err := Over(under(t, t.TempDir()), Config{Recipients: c.to}, false)
		if (err == nil) != c.fine {
			t.Errorf("%s: the error is %v", c.name, err)
		}
		if err != nil && strings.Contains(err.Error(), id.String()[15:]) {
			t.Errorf("%s: the secret key is repeated: %v", c.name, err)
		}
	}
	s := over(t, t.TempDir(), Config{Recipients: []string{hybrid.Recipient().String()}}, false)
	p := stored(t, s, "a", "text")
	r, err := p.Reread(t.Context())
	if got := all(t, r, err); got != "text" {
		t.Errorf("a post-quantum recipient: it is read back as %q", got)
	}
}

func TestOpen_takes_no_more_memory_than_it_should_for_what_somebody_else_put_there(t *testing.T) {
	path := t.TempDir()
	// A frame that asks for a window of 2 GB.
	bomb := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x00, 0x00, 0x00}
	must(t, os.WriteFile(filepath.Join(path, "a"), bomb, 0o600))
	s := over(t, path, Config{}, true)
	r, err := s.Open(t.Context(), "a")
	if err == nil {
		_, err = io.ReadAll(r)
		r.Close()
	}
	if err == nil {
		t.Error("it was read")
	}
}

func FuzzUnseal_never_panics_and_gives_bytes_or_an_error(f *testing.F) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	var good bytes.Buffer
	w, err := age.Encrypt(&good, id.Recipient())
	if err != nil {
		f.Fatal(err)
	}
	_, _ = w.Write(zstdMagic)
	_ = w.Close()
	for _, seed := range [][]byte{nil, ageMagic, zstdMagic, good.Bytes(), good.Bytes()[:100], []byte("PGDMP")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, kept []byte) {
		r, err := unseal(io.NopCloser(bytes.NewReader(kept)), func() ([]age.Identity, error) {
			return []age.Identity{id}, nil
		})
		if err != nil {
			return
		}
		defer r.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(r, 16<<20))
	})
}
