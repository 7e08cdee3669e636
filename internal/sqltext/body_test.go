package sqltext

import (
	"errors"
	"strings"
	"testing"

	"fairlead/internal/sqltext/fuzztest"
)

func TestBodyOf_opens_a_block_with_positions(t *testing.T) {
	sql := `CREATE FUNCTION g() RETURNS SETOF int LANGUAGE plpgsql AS $x$
DECLARE r record;
BEGIN
  IF NOT EXISTS (SELECT 1) THEN
    ALTER TABLE a ADD b int;
  END IF;
  EXECUTE 'DROP ' || 'TABLE a';
  BEGIN DROP TABLE c; EXCEPTION WHEN others THEN NULL; END;
  FOR r IN DELETE FROM d RETURNING 1 LOOP NULL; END LOOP;
  RETURN QUERY EXECUTE 'DROP TABLE e';
  PERFORM f();
END $x$`
	s, err := Parse([]byte(sql))
	if err != nil {
		t.Fatal(err)
	}
	b, err := BodyOf(s.Node(0), s.Statements[0].SQL)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, st := range b.Statements {
		if st.Kind == BodyExpression {
			continue
		}
		line := string(st.Kind) + " " + st.SQL
		if st.Guarded {
			line += " guarded"
		}
		if st.SQL != "SELECT f()" && (st.Offset < 0 || !strings.HasPrefix(sql[st.Offset:], st.SQL)) {
			t.Errorf("%q is not at %d", st.SQL, st.Offset)
		}
		got = append(got, line)
	}
	want := "sql ALTER TABLE a ADD b int guarded|execute 'DROP ' || 'TABLE a'|sql DROP TABLE c guarded|sql DELETE " +
		"FROM d RETURNING 1|execute 'DROP TABLE e'|sql SELECT f()"
	if strings.Join(got, "|") != want {
		t.Errorf("\n got %s\nwant %s", strings.Join(got, "|"), want)
	}
}

func TestBodyOf_says_when_it_cannot_read(t *testing.T) {
	for _, sql := range []string{
		"DO LANGUAGE plpython3u $$ pass $$",
		"DO $$ BEGIN IF $$",
		"DO $$ BEGIN " + strings.Repeat("IF true THEN ", 20000) + " END $$",
		"CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'lib', 'sym'",
	} {
		s, err := Parse([]byte(sql))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := BodyOf(s.Node(0), s.Statements[0].SQL); !errors.Is(err, ErrNoBody) {
			t.Errorf("%.40s: got %v", sql, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	fuzztest.Corpus(f)
	for _, seed := range []string{
		"SELECT 1;", "BEGIN; CREATE INDEX CONCURRENTLY i ON a(b); COMMIT;", "COPY a FROM stdin;\n1\n\\.\n", "\\q",
		"\ufeffDO $$ BEGIN NULL; END $$",
		"SELECT E'a'\n'b\\'c', $a$ $b$ $a$, U&\"\\0041\"", "/* /* */ */ --x", "ALTER TYPE e ADD VALUE 'a'; SELECT 'a'",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sql []byte) {
		s, err := Parse(sql)
		if (err != nil) != (len(s.Problems) > 0) {
			t.Fatalf("error %v, problems %v", err, s.Problems)
		}
		if err != nil {
			return
		}
		end := 0
		for _, u := range s.Units {
			if u.Start < end || u.End < u.Start || u.End > len(sql) || len(u.Statements) == 0 {
				t.Fatalf("unit %+v overlaps or is empty", u)
			}
			end = u.End
		}
		for i, st := range s.Statements {
			if st.SQL != string(sql[st.Start:st.End]) {
				t.Fatalf("statement %d is not the text at its place", i)
			}
			_, _ = BodyOf(s.Node(i), st.SQL)
		}
	})
}
