package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// shell gives what a POSIX shell makes of a quoted word.
func shell(t testing.TB, quoted string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `N=$(printf "\nx"); N=${N%x}; printf %s `+quoted).Output()
	if err != nil {
		t.Fatalf("sh: %v", err)
	}
	return string(out)
}

func TestQuote_survives_a_shell_on_one_line(t *testing.T) {
	for _, s := range []string{"", "a", "a b", "it's", `"$HOME"`, "$(touch x)", "`id`", "a\nb\n", "\\", "*", "-n",
		"é\xff", "'\n'", "!x", "~"} {
		q := Quote(s)
		if strings.ContainsAny(q, "\n\x00") {
			t.Errorf("%q is quoted over several lines: %q", s, q)
		}
		if got := shell(t, q); got != s {
			t.Errorf("%q came through the shell as %q", s, got)
		}
	}
}

// FuzzQuote: no word becomes anything but itself.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"'", "\n", "$N", `'"$N"'`, "\\'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := strings.ReplaceAll(s, "\x00", "")
		if len(want) > 1000 {
			return
		}
		if got := shell(t, Quote(s)); got != want {
			t.Fatalf("%q came through the shell as %q", want, got)
		}
	})
}

func TestReadFrame_limits_what_it_takes(t *testing.T) {
	var b bytes.Buffer
	if err := WriteFrame(&b, Request{ID: 7, Op: OpHello}); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	var r Request
	if err := ReadFrame(bytes.NewReader(whole), &r); err != nil || r.ID != 7 {
		t.Errorf("frame: %+v, %v", r, err)
	}
	if err := ReadFrame(bytes.NewReader(nil), &r); !errors.Is(err, io.EOF) {
		t.Errorf("nothing: %v, want %v", err, io.EOF)
	}
	for n := 1; n < len(whole); n++ {
		if err := ReadFrame(bytes.NewReader(whole[:n]), &r); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("cut after %d bytes: %v, want an error that is no end", n, err)
		}
	}
	huge := binary.BigEndian.AppendUint32(nil, MaxFrame+1)
	if err := ReadFrame(bytes.NewReader(huge), &r); !errors.Is(err, ErrFrame) {
		t.Errorf("a huge frame: %v, want %v", err, ErrFrame)
	}
	if err := WriteFrame(io.Discard, strings.Repeat("x", MaxFrame)); !errors.Is(err, ErrFrame) {
		t.Errorf("write a huge frame: %v, want %v", err, ErrFrame)
	}
}

// FuzzReadFrame: no bytes make it panic or take more memory than they are.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Add([]byte{1, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Response
		_ = ReadFrame(bytes.NewReader(b), &r)
	})
}

func TestPlace_never_leads_outside_its_directory(t *testing.T) {
	good := Place{Directory: "/opt/app", App: "shop", Environment: "production"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, p := range []Place{
		{Directory: "opt", App: "shop", Environment: "production"},
		{Directory: "/opt", App: "..", Environment: "production"},
		{Directory: "/opt", App: "a/b", Environment: "production"},
		{Directory: "/opt", App: "shop", Environment: ""},
		{Directory: "/opt", App: "shop", Environment: ".host"},
		{Directory: "/opt", App: "-rf", Environment: "x"},
	} {
		if p.Validate() == nil {
			t.Errorf("%+v was taken", p)
		}
	}
}

func TestReadFrame_gives_back_the_bytes_that_a_message_carries(t *testing.T) {
	for _, data := range [][]byte{nil, {}, []byte("\x00\xff{}\n"), bytes.Repeat([]byte{7}, StreamChunk)} {
		var b bytes.Buffer
		if err := WriteFrame(&b, Response{ID: 7, More: true, Data: data}); err != nil {
			t.Fatal(err)
		}
		got := Response{Data: []byte("old")}
		if err := ReadFrame(&b, &got); err != nil || !bytes.Equal(got.Data, data) ||
			(got.Data == nil) != (data == nil) || got.ID != 7 || b.Len() != 0 {
			t.Errorf("%d bytes: %+v, %v", len(data), got, err)
		}
	}
	for _, bad := range []string{"\x80\x00\x00\x03abc", "\x80\x00\x00\x06\x00\x00\x00\x03{}",
		"\x80\x00\x00\x06\xff\xff\xff\xff{}"} {
		var got Response
		if err := ReadFrame(strings.NewReader(bad), &got); !errors.Is(err, ErrFrame) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
