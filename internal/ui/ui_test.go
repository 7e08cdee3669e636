package ui

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead/internal/fault"
)

func TestDuration_is_written_as_people_say_it(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0 ms", 340 * time.Millisecond: "340 ms",
		999 * time.Millisecond: "1.0 s", 3449 * time.Millisecond: "3.4 s",
		9949 * time.Millisecond: "9.9 s", 9950 * time.Millisecond: "10 s", 42 * time.Second: "42 s",
		59600 * time.Millisecond: "1 min 00 s",
		125 * time.Second:        "2 min 05 s", 3599900 * time.Millisecond: "1 h 00 min",
		64*time.Minute + 40*time.Second: "1 h 04 min", -2 * time.Second: "-2.0 s"} {
		if got := Duration(d); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}

func TestBytes_are_written_in_three_digits(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB",
		109_000_000: "109 MB", 999_600_000: "1.0 GB",
		2_147_483_648: "2.1 GB", 1<<63 - 1: "9.2 EB", -1: "unknown size"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestClean_leaves_nothing_that_moves_a_terminal(t *testing.T) {
	if got := Clean("a\x1b[1;31m b\r\nc\t\u202egpj.exe \u009b2J d\x00\x1b]0;t\x07 \x1b["); got != "a b c gpj.exe 2J "+
		"d ]0;t" {
		t.Errorf("got %q", got)
	}
}

func TestClip_counts_columns(t *testing.T) {
	for s, want := range map[string]string{"abcdef": "abcdef", "abcdefg": "abcde…", "日本語": "日本語", "日本語x": "日本…",
		"a bcd efg": "a bcd…", "e\u0301e\u0301": "e\u0301e\u0301"} {
		if got := Clip(s, 6); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func TestFault_aligns_the_three_parts(t *testing.T) {
	f := &fault.Fault{Code: "backup-mismatch",
		What: `the backup was taken, but its copy on "vault" has another checksum`, Err: errors.New("sha256 differs"),
		Means: "nothing was migrated; production still runs 1.41.0", Do: []fault.Command{
			{Line: "fairlead resume r-0712", Why: "takes a new backup and goes on"},
			{Line: "fairlead backup verify r-0712", Why: "compares both copies"},
			{Line: "fairlead --config /a/very/long/path/to/some/fairlead.yaml status", Why: "shows what runs"}}}
	want := `what happened   the backup was taken, but its copy on "vault" has another checksum: sha256 differs
what it means   nothing was migrated; production still runs 1.41.0
what to do      fairlead resume r-0712         takes a new backup and goes on
                fairlead backup verify r-0712  compares both copies
                fairlead --config /a/very/long/path/to/some/fairlead.yaml status
                  shows what runs
code            backup-mismatch
`
	if got := Fault(f, 0, Style{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFault_breaks_text_but_never_a_command(t *testing.T) {
	f := &fault.Fault{What: "first line of two\nsecond " + strings.Repeat("word ", 20), Means: "unchanged",
		Do: []fault.Command{{Line: "fairlead rollback --release v1.7.0 --yes",
			Why: "goes back to the images that ran before this release"}}}
	want := `what happened   first line of two
                second word word word word word
                word word word word word word
                word word word word word word
                word word word
what it means   unchanged
what to do      fairlead rollback --release v1.7.0 --yes
                  goes back to the images that
                  ran before this release
`
	if got := Fault(f, 48, Style{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPlain_keeps_text_and_drops_what_moves_a_cursor(t *testing.T) {
	if got := Plain("a\x1b[2Jb\rc\u202ed\ne\tf\u009bg"); got != "a[2Jbcd\ne\tfg" {
		t.Errorf("got %q", got)
	}
}
