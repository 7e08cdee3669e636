package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"fairlead/internal/atomicfile"
	"fairlead/internal/wire/stack"
)

// errLinked is the answer to an env file that is a symbolic link, no plain file, or has a second name: replacing it
// would cut it off from its other place.
var errLinked = errors.New("it is a link, or has several names")

// setImage replaces one image key in an env file, whole or not at all, durably. Every other byte, the owner and the
// mode stay as they are. A missing file is created for its owner alone, who is the owner of the folder.
func setImage(name, key, image string) error {
	old, info, err := readEnv(name)
	if err != nil {
		return err
	}
	f, err := stack.ParseEnv(old)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	content, err := f.Set(key, image)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if info != nil && string(content) == string(old) {
		return nil
	}
	return replace(name, content, info)
}

// readEnv reads an env file; info is nil when there is none.
func readEnv(name string) ([]byte, fs.FileInfo, error) {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); !info.Mode().IsRegular() || ok && sys.Nlink > 1 {
		return nil, nil, fmt.Errorf("%s: %w", name, errLinked)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, stack.MaxEnv+1))
	return b, info, err
}

func replace(name string, content []byte, info fs.FileInfo) error {
	mode := fs.FileMode(0o600)
	model := info
	if model == nil {
		dir, err := os.Stat(filepath.Dir(name))
		if err != nil {
			return err
		}
		model = dir
	} else {
		mode = info.Mode().Perm() | info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)
	}
	return atomicfile.WritePrepared(name, content,
		func(f *os.File) error { return errors.Join(own(f, model), f.Chmod(mode)) })
}

// own gives a new file the owner and group of another one. A process that may not keeps nothing half done: it is an
// error.
func own(f *os.File, model fs.FileInfo) error {
	want, ok := model.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if has, ok := info.Sys().(*syscall.Stat_t); ok && has.Uid == want.Uid && has.Gid == want.Gid {
		return nil
	}
	if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
		return fmt.Errorf("give the new file the owner of the old one: %w", err)
	}
	return nil
}
