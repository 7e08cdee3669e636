// Command testlog reads what `go test -json` says, shows what matters of it, and remembers how long each test took. It
// is for scripts/test.sh and never ships.
//
//	go test -json ./... | testlog -times FILE       what failed, and one line for each package
//	go test -json ./... | testlog -v -times FILE    also what every test said
//	testlog -slowest 10 -times FILE                 the slowest tests of all that were read so far
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	verbose := flag.Bool("v", false, "show what every test said")
	times := flag.String("times", "", "file that remembers how long each test took")
	slowest := flag.Int("slowest", 0, "show that many of the slowest tests, and read nothing")
	flag.Parse()
	var err error
	if *slowest > 0 {
		err = showSlowest(os.Stdout, *times, *slowest)
	} else {
		err = follow(os.Stdin, os.Stdout, *times, *verbose)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1)
	}
}

// An event is one line of `go test -json`.
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

// A took is how long one test took.
type took struct {
	Seconds float64
	Package string
	Test    string
}

func follow(in io.Reader, out io.Writer, times string, verbose bool) error {
	file, err := os.OpenFile(times, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	l := log{out: out, verbose: verbose, said: map[string]*strings.Builder{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var e event
		if json.Unmarshal(line, &e) != nil {
			// not an event: a program that ran the tests speaks for itself
			_, _ = out.Write(line)
			continue
		}
		l.hear(e)
		if e.Test != "" && !strings.Contains(e.Test, "/") && e.Elapsed > 0 {
			if err := json.NewEncoder(file).Encode(took{e.Elapsed, e.Package, e.Test}); err != nil {
				return err
			}
		}
	}
}

// A log shows the events of many packages that are tested at the same time.
type log struct {
	out     io.Writer
	verbose bool
	said    map[string]*strings.Builder // by package and top-level test, until that ended
}

func (l log) hear(e event) {
	top, _, sub := strings.Cut(e.Test, "/")
	key := e.Package + " " + top
	switch e.Action {
	case "build-output":
		fmt.Fprint(l.out, e.Output)
	case "output":
		if l.said[key] == nil {
			l.said[key] = &strings.Builder{}
		}
		if !strings.HasPrefix(e.Output, "=== ") {
			l.said[key].WriteString(e.Output)
		}
	case "pass", "fail", "skip":
		if sub || l.said[key] == nil {
			return
		}
		text := l.said[key].String()
		delete(l.said, key)
		switch {
		case e.Action == "fail", l.verbose && top != "":
			fmt.Fprint(l.out, text)
		case top == "":
			fmt.Fprint(l.out, verdict(text))
		}
	}
}

// verdict gives the line about a package that passed.
func verdict(said string) string {
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "ok ") {
			return line
		}
	}
	return ""
}

func showSlowest(out io.Writer, times string, n int) error {
	file, err := os.Open(times)
	if err != nil {
		return err
	}
	defer file.Close()
	var all []took
	for d := json.NewDecoder(file); ; {
		var t took
		if err := d.Decode(&t); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b took) int { return cmp.Compare(b.Seconds, a.Seconds) })
	for _, t := range all[:min(n, len(all))] {
		fmt.Fprintf(out, "%7.1f s  %s  %s\n", t.Seconds, t.Test, strings.TrimPrefix(t.Package, "fairlead/"))
	}
	return nil
}
