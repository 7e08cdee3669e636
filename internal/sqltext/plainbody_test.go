package sqltext

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// bothWays compares what is read without the parser of PL/pgSQL with what that says. It gives whether the short way was
// taken.
func bothWays(t *testing.T, sql string) bool {
	t.Helper()
	b := Body{Language: "plpgsql", Source: sql, Start: -1}
	plain, ok := b.plainBody()
	if !ok {
		return false
	}
	for _, st := range plain {
		if _, err := parseTree(st.SQL); err != nil {
			// refused when it is parsed, one way or the other
			return true
		}
	}
	block := "DO " + bodyTag + sql + bodyTag
	b.Start = bodyStart(block, sql)
	if plain, ok = b.plainBody(); !ok {
		t.Fatalf("%q is plain without its place, and not with it", sql)
	}
	full, err := b.parse(block)
	if err != nil {
		t.Errorf("%q is plain, and PL/pgSQL says: %v", sql, err)
		return true
	}
	if len(plain)+len(full.Statements) > 0 && !reflect.DeepEqual(plain, full.Statements) {
		t.Errorf("%q\nplain %+v\n full %+v", sql, plain, full.Statements)
	}
	return true
}

const bodyTag = "$of_the_test$"

var blockForm = regexp.MustCompile(`(?s)DO \$(\w*)\$(.*?)\$(\w*)\$`)

func TestPlain_bodies_are_read_as_PLpgSQL_reads_them(t *testing.T) {
	files, _ := filepath.Glob("../sqlreview/testdata/*/*")
	plain, all := 0, 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			// a folder
			continue
		}
		for _, m := range blockForm.FindAllStringSubmatch(string(text), -1) {
			all++
			if bothWays(t, m[2]) {
				plain++
			}
		}
	}
	t.Logf("%d of %d blocks are plain", plain, all)
	if plain < 390 {
		t.Errorf("%d of %d blocks are plain; the histories have more", plain, all)
	}
}

func TestPlain_bodies_are_only_the_plain_ones(t *testing.T) {
	for sql, want := range map[string]bool{
		"BEGIN END":  true,
		"BEGIN END;": true,
		"\nBEGIN\n IF NOT EXISTS(SELECT 1 FROM a WHERE b = ';') THEN\n  ALTER TABLE a ADD b int ;\n DROP TABLE c; " +
			"END IF;\nUPDATE a SET b = (1);\nEND;\n": true,
		"BEGIN IF EXISTS (SELECT (1)) THEN CREATE INDEX \"i;\" ON a(b) /* ; */; END IF; END":                true,
		"BEGIN IF true THEN DROP TABLE a; END IF; END":                                                      false,
		"BEGIN IF EXISTS (SELECT 1) OR true THEN DROP TABLE a; END IF; END":                                 false,
		"BEGIN IF EXISTS (SELECT 1) THEN DROP TABLE a; ELSE DROP TABLE b; END IF; END":                      false,
		"BEGIN EXECUTE 'DROP TABLE a'; END":                                                                 false,
		"BEGIN update := 1; END":                                                                            false,
		"BEGIN update = 1; END":                                                                             false,
		"BEGIN update.x := 1; END":                                                                          false,
		"BEGIN DROP TABLE a; EXCEPTION WHEN others THEN NULL; END":                                          false,
		"BEGIN DROP TABLE a; END; DROP TABLE b;":                                                            false,
		"BEGIN DELETE FROM a RETURNING b INTO c; END":                                                       false,
		"BEGIN CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; END":                             false,
		"DECLARE a int; BEGIN DROP TABLE a; END":                                                            false,
		"BEGIN DROP TABLE a; END x":                                                                         false,
		"BEGIN DROP TABLE a END":                                                                            false,
		"BEGIN BEGIN DROP TABLE a; END; END":                                                                false,
		"<<a>> BEGIN DROP TABLE a; END":                                                                     false,
		"#variable_conflict error\nBEGIN DROP TABLE a; END":                                                 false,
		"BEGIN CREATE TABLE " + strings.Repeat("(", MaxDepth+1) + strings.Repeat(")", MaxDepth+1) + "; END": false,
	} {
		if got := bothWays(t, sql); got != want {
			t.Errorf("%.80q: plain %v, want %v", sql, got, want)
		}
	}
}

func FuzzPlain_bodies(f *testing.F) {
	f.Add("BEGIN IF NOT EXISTS(SELECT 1 FROM a WHERE b = 'c') THEN ALTER TABLE a ADD b int; END IF; END")
	f.Add("BEGIN CREATE TABLE a(b int); INSERT INTO a VALUES (1); UPDATE a SET b = 2 ; DELETE FROM a; END;")
	f.Add("BEGIN CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f(E'\\'', $x$;$x$); END")
	f.Fuzz(func(t *testing.T, sql string) {
		if len(sql) > 10_000 || strings.Contains(sql, bodyTag) || checkText(sql) != nil {
			return
		}
		bothWays(t, sql)
	})
}
