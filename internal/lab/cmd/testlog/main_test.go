package main

import (
	"path/filepath"
	"strings"
	"testing"
)

const events = `{"Action":"start","Package":"fairlead/a"}
{"Action":"output","Package":"fairlead/a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"output","Package":"fairlead/a","Test":"TestOne/sub","Output":"    a_test.go:7: it broke\n"}
{"Action":"fail","Package":"fairlead/a","Test":"TestOne/sub","Elapsed":0.5}
{"Action":"fail","Package":"fairlead/a","Test":"TestOne","Elapsed":2}
{"Action":"output","Package":"fairlead/b","Test":"TestTwo","Output":"    b_test.go:9: all well\n"}
{"Action":"pass","Package":"fairlead/b","Test":"TestTwo","Elapsed":31.5}
{"Action":"output","Package":"fairlead/b","Output":"ok  \tfairlead/b\t31.6s\n"}
{"Action":"pass","Package":"fairlead/b","Elapsed":31.6}
lab: up
{"Action":"output","Package":"fairlead/a","Output":"FAIL\tfairlead/a\t2.1s\n"}
{"Action":"fail","Package":"fairlead/a","Elapsed":2.1}
`

func TestFollow_shows_what_failed_and_one_line_for_what_passed(t *testing.T) {
	for verbose, want := range map[bool]string{
		false: "    a_test.go:7: it broke\nok  \tfairlead/b\t31.6s\nlab: up\nFAIL\tfairlead/a\t2.1s\n",
		true: "    a_test.go:7: it broke\n    b_test.go:9: all well\nok  \tfairlead/b\t31.6s\nlab: up\n" +
			"FAIL\tfairlead/a\t2.1s\n",
	} {
		var out strings.Builder
		err := follow(strings.NewReader(events), &out, filepath.Join(t.TempDir(), "times"), verbose)
		if err != nil || out.String() != want {
			t.Errorf("verbose %v: %v\ngot\n%s\nwant\n%s", verbose, err, out.String(), want)
		}
	}
}

func TestShowSlowest_names_the_slowest_first(t *testing.T) {
	times := filepath.Join(t.TempDir(), "times")
	var out strings.Builder
	if err := follow(strings.NewReader(events), &out, times, false); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := showSlowest(&out, times, 1); err != nil || out.String() != "   31.5 s  TestTwo  b\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
