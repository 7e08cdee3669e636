package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead/internal/database/postgres/server"
)

func tarOf(t *testing.T, all ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range all {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpack_gives_what_pack_was_given(t *testing.T) {
	from, into := t.TempDir(), t.TempDir()
	files := map[string]string{"toc.dat": "PGDMP", "1.dat.gz": strings.Repeat("x", 513), "blobs.toc": "",
		"zzz.dat": "last"}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var one, two bytes.Buffer
	if err := errors.Join(pack(t.Context(), from, &one), pack(t.Context(), from, &two)); err != nil ||
		!bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Fatalf("packed twice it differs, or %v", err)
	}
	if h, err := tar.NewReader(bytes.NewReader(one.Bytes())).Next(); err != nil || h.Name != tocFile {
		t.Errorf("the first file is %+v, %v", h, err)
	}
	if err := unpack(t.Context(), &one, into); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if b, err := os.ReadFile(filepath.Join(into, name)); err != nil || string(b) != text {
			t.Errorf("%s holds %q, %v", name, b, err)
		}
	}
}

func TestUnpack_refuses_what_pack_does_not_write(t *testing.T) {
	toc := tar.Header{Name: tocFile, Size: 3, Mode: 0o600}
	with := func(h tar.Header) []byte { return tarOf(t, toc, h) }
	good := tarOf(t, toc)
	for name, b := range map[string][]byte{
		"nothing":                    {},
		"no table of contents first": tarOf(t, tar.Header{Name: "1.dat", Size: 1}),
		"a way out":                  with(tar.Header{Name: "../out", Size: 1}),
		"a way out by the root":      with(tar.Header{Name: "/out", Size: 1}),
		"a folder":                   with(tar.Header{Name: "a/b", Size: 1}),
		"a hidden file":              with(tar.Header{Name: ".pgpass", Size: 1}),
		"a symbolic link": with(tar.Header{Name: "1.dat", Typeflag: tar.TypeSymlink,
			Linkname: "/etc/passwd"}),
		"a hard link":  with(tar.Header{Name: "1.dat", Typeflag: tar.TypeLink, Linkname: tocFile}),
		"a device":     with(tar.Header{Name: "1.dat", Typeflag: tar.TypeChar}),
		"a directory":  with(tar.Header{Name: "1.dat", Typeflag: tar.TypeDir}),
		"a file twice": with(toc),
		"a long name":  with(tar.Header{Name: strings.Repeat("a", 101), Size: 1}),
		"attributes": with(tar.Header{Name: "1.dat", Size: 1,
			PAXRecords: map[string]string{"SCHILY.xattr.user.a": "b"}, Format: tar.FormatPAX}),
		"a cut in its end":             good[:len(good)-1],
		"no end":                       good[:len(good)-2*tarBlock],
		"something behind its end":     append(bytes.Clone(good), 0),
		"another archive behind it":    append(bytes.Clone(good), good...),
		"a file longer than its bytes": good[:tarBlock+1],
	} {
		into := filepath.Join(t.TempDir(), "in")
		if err := os.Mkdir(into, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := unpack(t.Context(), bytes.NewReader(b), into); err == nil {
			t.Errorf("%s: it passes", name)
		}
		if all, _ := os.ReadDir(filepath.Dir(into)); len(all) != 1 {
			t.Errorf("%s: it leaves %v", name, all)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("toc.dat"))
	f.Fuzz(func(t *testing.T, b []byte) {
		into := t.TempDir()
		_ = unpack(t.Context(), bytes.NewReader(b), filepath.Join(into))
		all, err := os.ReadDir(into)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if !e.Type().IsRegular() || !packable(e.Name()) {
				t.Errorf("it makes %s", e.Name())
			}
		}
	})
}

func TestWorkspace_of_a_dead_process_is_swept_and_that_of_a_living_one_stays(t *testing.T) {
	d := New(&server.Server{Session: server.Session{Scratch: filepath.Join(t.TempDir(), "made")}})
	mine, err := d.openWorkspace()
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(mine.Path); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("its mode is %v, %v", st.Mode(), err)
	}
	dead := filepath.Join(d.below(), workPrefix+"123")
	if err := errors.Join(os.Mkdir(dead, 0o700), os.WriteFile(dead+".lock", nil, 0o600),
		os.WriteFile(filepath.Join(dead, "toc.dat"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	other, err := d.openWorkspace()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("what a dead process left is there: %v", err)
	}
	if _, err := os.Stat(mine.Path); err != nil {
		t.Errorf("that of a living one is gone: %v", err)
	}
	mine.Remove()
	other.Remove()
	if left, _ := os.ReadDir(d.below()); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}
