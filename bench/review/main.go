// Command review measures the reviewer beside squawk, on the same files in the same run: 3,000 files in one call, and
// one small file as a process. It prints a Markdown table of ratios. squawk's program comes from npm; -squawk names
// another one.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

const squawkPackage = "@squawk-cli/linux-x64@2.66.0"

func main() {
	fairlead := flag.String("fairlead", "bin/fairlead", "the program to measure")
	squawk := flag.String("squawk", "", "the program to compare with; fetched from npm when empty")
	runs := flag.Int("runs", 7, "how often each is measured; the median counts")
	flag.Parse()
	if err := measure(*fairlead, *squawk, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench/review:", err)
		os.Exit(1)
	}
}

func measure(fairlead, squawk string, runs int) error {
	dir, err := os.MkdirTemp("", "fairlead-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if squawk == "" {
		if squawk, err = fetch(dir); err != nil {
			return err
		}
	}
	wild, blocks, err := sources()
	if err != nil {
		return err
	}
	small := filepath.Join(dir, "small.sql")
	if err := os.WriteFile(small, []byte("ALTER TABLE orders ADD COLUMN note text;\n"), 0o644); err != nil {
		return err
	}
	fmt.Printf("median of %d runs, both programs in turn\n\n", runs)
	fmt.Println("| what | fairlead | squawk 2.66.0 | ratio |\n|---|---|---|---|")
	for _, set := range []struct {
		name  string
		every int // one file of so many is made of DO blocks
	}{{"1 in 50 made of DO blocks, as in public projects", 50},
		{"1 in 5 made of DO blocks, which squawk does not open", 5}} {
		files, size, err := write(filepath.Join(dir, fmt.Sprint(set.every)), 3000, set.every, wild, blocks)
		if err != nil {
			return err
		}
		many := race(runs, append([]string{fairlead, "review"}, files...), append([]string{squawk}, files...))
		fmt.Printf("| %d files (%.1f MB) in one call, %s | %d ms | %d ms | %.2f |\n", len(files), float64(size)/1e6,
			set.name, many[0].Milliseconds(), many[1].Milliseconds(), ratio(many))
	}
	one := race(runs, []string{fairlead, "review", small}, []string{squawk, small})
	fmt.Printf("| one small file as a process | %d ms | %d ms | %.2f |\n", one[0].Milliseconds(), one[1].Milliseconds(),
		ratio(one))
	return nil
}

func ratio(t [2]time.Duration) float64 { return float64(t[0]) / float64(max(t[1], 1)) }

// race runs both in turn and gives the median of each. Findings make both end with a status that is not zero.
func race(runs int, a, b []string) [2]time.Duration {
	var all [2][]time.Duration
	for range runs {
		for i, argv := range [][]string{a, b} {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			began := time.Now()
			_ = exec.CommandContext(ctx, argv[0], argv[1:]...).Run()
			all[i] = append(all[i], time.Since(began))
			cancel()
		}
	}
	var out [2]time.Duration
	for i := range all {
		slices.Sort(all[i])
		out[i] = all[i][len(all[i])/2]
	}
	return out
}

// sources gives the labelled cases and the histories: plain files, and those that are made of DO blocks.
func sources() (plain, blocks [][]byte, err error) {
	add := func(b []byte) {
		if strings.Contains(string(b), "$EF$") {
			blocks = append(blocks, b)
		} else {
			plain = append(plain, b)
		}
	}
	cases, _ := filepath.Glob("internal/sqlreview/testdata/cases/*.sql")
	histories, _ := filepath.Glob("internal/sqlreview/testdata/histories/*.txtar")
	for _, path := range append(cases, histories...) {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		if filepath.Ext(path) == ".sql" {
			add(b)
			continue
		}
		for _, f := range txtar.Parse(b).Files {
			add(f.Data)
		}
	}
	if len(plain) == 0 || len(blocks) == 0 {
		return nil, nil, fmt.Errorf("there are no cases; run it from the module's root")
	}
	return plain, blocks, nil
}

// write makes n files, each under a name of its own.
func write(dir string, n, every int, plain, blocks [][]byte) (files []string, size int, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, 0, err
	}
	for i := range n {
		b := plain[i%len(plain)]
		if i%every == 0 {
			b = blocks[i/every%len(blocks)]
		}
		path := filepath.Join(dir, fmt.Sprintf("%04d.sql", i))
		if err := os.WriteFile(path, b, 0o644); err != nil {
			return nil, 0, err
		}
		files, size = append(files, path), size+len(b)
	}
	return files, size, nil
}

func fetch(dir string) (string, error) {
	pack := exec.Command("npm", "pack", "--silent", squawkPackage)
	pack.Dir = dir
	name, err := pack.Output()
	if err != nil {
		return "", fmt.Errorf("npm pack %s: %w", squawkPackage, err)
	}
	tar := exec.Command("tar", "-xzf", strings.TrimSpace(string(name)))
	tar.Dir = dir
	if out, err := tar.CombinedOutput(); err != nil {
		return "", fmt.Errorf("tar: %w: %s", err, out)
	}
	var found string
	err = filepath.WalkDir(filepath.Join(dir, "package"), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasPrefix(e.Name(), "squawk") && filepath.Ext(path) == "" {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		return "", fmt.Errorf("no program in %s: %w", squawkPackage, err)
	}
	return found, os.Chmod(found, 0o755)
}
