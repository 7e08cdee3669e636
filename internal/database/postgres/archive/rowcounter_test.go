package archive

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestRowCounter_counts_the_same_however_the_bytes_are_cut(t *testing.T) {
	script := "--\n-- PostgreSQL database dump\n--\n\nSET x = 1;\nCOPY public.a (n, \"select\") FROM " +
		"stdin;\n1\t2\n\\\\.\n3\tCOPY public.z (a) FROM stdin;\n\\.\n\n" +
		"COPY \"Odd.one\".\"a\"\"b\" (n) FROM stdin;\n\\.\n\nCOPY public.nothing  FROM stdin;\n\n\n\\.\nCOPY " +
		"public.long (t) FROM stdin;\n" + strings.Repeat("x", 3*maxLine) + "\n\\.\n"
	want := map[string]int64{"public\x00a": 3, "Odd.one\x00a\"b": 0, "public\x00nothing": 2, "public\x00long": 1}
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		c := newRowCounter()
		for rest := []byte(script); len(rest) > 0; {
			n := 1 + random.IntN(min(len(rest), 40))
			if _, err := c.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		got, err := c.counts()
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("it counts %v, error %v; want %v", got, err, want)
		}
	}
}

func TestRowCounter_refuses_rows_without_an_end_and_lines_that_name_no_table(t *testing.T) {
	for _, script := range []string{"COPY public.a (n) FROM stdin;\n1\n", "COPY nothing FROM stdin;\n\\.\n",
		"COPY public.a (n) FROM stdin;\n\\.\nCOPY public.a (n) FROM stdin;\n\\.\n"} {
		c := newRowCounter()
		_, _ = c.Write([]byte(script))
		if got, err := c.counts(); err == nil {
			t.Errorf("%q counts as %v", script, got)
		}
	}
}

func FuzzRowCounter(f *testing.F) {
	f.Add([]byte("COPY \"a\".\"b (n) FROM stdin;\n1\n\\.\n"))
	f.Add([]byte("COPY a.b (n) FROM stdin;\n\\.x\n\\\\.\n2\n\n\\.\nCOPY a.c (n) FROM stdin;\n\\.\n"))
	f.Fuzz(func(t *testing.T, script []byte) {
		c := newRowCounter()
		_, _ = c.Write(script)
		got, err := c.counts()
		slow := newRowCounter()
		for i := range script {
			_, _ = slow.Write(script[i : i+1])
		}
		want, werr := slow.counts()
		if !maps.Equal(got, want) || (err == nil) != (werr == nil) {
			t.Errorf("it counts %v, %v; byte by byte %v, %v", got, err, want, werr)
		}
		if len(c.line) > maxLine {
			t.Errorf("it keeps %d bytes of a line", len(c.line))
		}
	})
}
