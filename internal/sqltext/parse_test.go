package sqltext

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// shape writes the units of a script in one line: t(a,b) is together, a(x) alone.
func shape(s Script) string {
	var out []string
	for _, u := range s.Units {
		var kinds []string
		for _, st := range u.Statements {
			kinds = append(kinds, st.Kind)
		}
		out = append(out, fmt.Sprintf("%s(%s)", string(u.Kind[0]), strings.Join(kinds, ", ")))
	}
	return strings.Join(out, " ")
}

func TestParse_groups_what_may_commit_together(t *testing.T) {
	for name, c := range map[string]struct{ sql, want string }{
		"a plain script is one unit": {
			"CREATE TABLE a(i int); ALTER TABLE a ADD b int; INSERT INTO a VALUES (1)",
			"t(CREATE TABLE, ALTER TABLE, INSERT)"},
		"a concurrent index stands alone between two runs": {
			"CREATE TABLE a(i int);\nCREATE INDEX CONCURRENTLY x ON b(i);\nDROP TABLE c;",
			"t(CREATE TABLE) a(CREATE INDEX CONCURRENTLY) t(DROP TABLE)"},
		"the file's own transaction is a unit of its own": {
			"SELECT 1; BEGIN; SELECT 2; SELECT 3; COMMIT; SELECT 4;",
			"t(SELECT) t(SELECT, SELECT) t(SELECT)"},
		"an empty transaction is no unit": {"BEGIN; COMMIT;", ""},
		"only comments are no unit":       {"-- nothing\n/* at /* all */ */", ""},
		"an empty file is no unit":        {"", ""},
		"vacuum, alter system and databases stand alone": {
			"VACUUM a; ANALYZE a; ALTER SYSTEM SET work_mem = '1MB'; CREATE DATABASE d; DROP DATABASE d; CREATE " +
				"TABLESPACE s LOCATION '/s'; DROP TABLESPACE s;",
			"a(VACUUM) t(ANALYZE) a(ALTER SYSTEM) a(CREATE DATABASE) a(DROP DATABASE) a(CREATE TABLESPACE) a(DROP " +
				"TABLESPACE)"},
		"reindex and detach only when concurrent": {
			"REINDEX TABLE a; REINDEX TABLE CONCURRENTLY a; REINDEX (CONCURRENTLY false) INDEX i; ALTER TABLE p " +
				"DETACH PARTITION c; ALTER TABLE p DETACH PARTITION c CONCURRENTLY;",
			"t(REINDEX) a(REINDEX CONCURRENTLY) t(REINDEX, ALTER TABLE) a(ALTER TABLE)"},
		"a refresh may be concurrent in a transaction": {
			"REFRESH MATERIALIZED VIEW CONCURRENTLY v; SELECT 1", "t(REFRESH MATERIALIZED VIEW CONCURRENTLY, SELECT)"},
		"an enum value that nobody uses stays": {
			"ALTER TYPE e ADD VALUE 'x'; SELECT 1;", "t(ALTER TYPE, SELECT)"},
		"an enum value is committed before its first use": {
			"ALTER TYPE e ADD VALUE 'it''s'; SELECT 1; UPDATE a SET k = 'it''s' WHERE i = 1; SELECT 2",
			"t(ALTER TYPE, SELECT) t(UPDATE, SELECT)"},
		"a validation does not keep the lock of what came before": {
			"ALTER TABLE a ADD CONSTRAINT c CHECK (i > 0) NOT VALID; ALTER TABLE a VALIDATE CONSTRAINT c; ALTER " +
				"TABLE a ALTER i SET NOT NULL;",
			"t(ALTER TABLE) t(ALTER TABLE, ALTER TABLE)"},
		"a validation on a table made here stays": {
			"CREATE TABLE a(i int); ALTER TABLE a ADD CONSTRAINT c CHECK (i > 0) NOT VALID; ALTER TABLE a VALIDATE " +
				"CONSTRAINT c;",
			"t(CREATE TABLE, ALTER TABLE, ALTER TABLE)"},
		"a validation in the file's own transaction stays": {
			"BEGIN; ALTER TABLE a ADD CONSTRAINT c CHECK (i > 0) NOT VALID; ALTER TABLE a VALIDATE CONSTRAINT " +
				"c; COMMIT",
			"t(ALTER TABLE, ALTER TABLE)"},
		"a block that commits inside stands alone": {
			"DO $$ BEGIN UPDATE a SET i = 1 WHERE i = 2; COMMIT; END $$; DO $$ BEGIN PERFORM 'commit'; END $$",
			"a(DO) t(DO)"},
		"a string may go on in the next line": {"SELECT E'a'\n 'b\\'c;', 1; SELECT 2", "t(SELECT, SELECT)"},
		"a body with semicolons is one statement": {
			"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 'a;b', " +
				"$x$;$x$, E'it\\'s;', \"a;b\" FROM t;",
			"t(CREATE FUNCTION, SELECT)"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse([]byte(c.sql))
			if err != nil {
				t.Fatal(err)
			}
			if got := shape(s); got != c.want {
				t.Errorf("units\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestParse_refuses_with_the_position_in_the_users_file(t *testing.T) {
	deep := strings.Repeat("(", MaxDepth+1) + "1" + strings.Repeat(")", MaxDepth+1)
	for name, c := range map[string]struct {
		sql       string
		code      Code
		line, col int
	}{
		"syntax error after multi-byte text": {"SELECT 'ærlig';\n  SELEC 2;", CodeSyntax, 2, 3},
		"syntax error on a line with them":   {"SELECT 'æøå', FROM FROM;", CodeSyntax, 1, 15},
		"syntax error after a byte mark":     {"\ufeffSELEC 1", CodeSyntax, 1, 1},
		"syntax error with CRLF":             {"SELECT 1;\r\n\r\nSELEC 2;\r\n", CodeSyntax, 3, 1},
		"unterminated string":                {"SELECT 1;\nSELECT 'abc", CodeSyntax, 2, 8},
		"unterminated dollar quote":          {"SELECT 1;\nDO $x$ BEGIN", CodeSyntax, 2, 4},
		"unterminated comment":               {"SELECT 1;\n /* /* */", CodeSyntax, 2, 2},
		"psql command":                       {"SELECT 1;\n\\q\nDROP TABLE a;", CodeMeta, 2, 1},
		"psql command within a line":         {"SELECT 1 \\gexec\n", CodeMeta, 1, 10},
		"zero byte":                          {"SELECT 1;\nSEL\x00ECT", CodeEncoding, 2, 4},
		"Latin-1":                            {"-- ok\nSELECT '\xe6'", CodeEncoding, 2, 9},
		"UTF-16":                             {"\xff\xfeS\x00", CodeEncoding, 1, 1},
		"BEGIN without COMMIT":               {"SELECT 1;\nBEGIN; SELECT 2;", CodeTransaction, 2, 1},
		"COMMIT without BEGIN":               {"SELECT 1;\nCOMMIT;", CodeTransaction, 2, 1},
		"ROLLBACK":                           {"BEGIN; SELECT 1; ROLLBACK;", CodeTransaction, 1, 18},
		"BEGIN twice":                        {"BEGIN; BEGIN; COMMIT;", CodeTransaction, 1, 8},
		"savepoint":                          {"BEGIN; SAVEPOINT a; COMMIT;", CodeTransaction, 1, 8},
		"transaction options": {"BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT;", CodeTransaction,
			1, 1},
		"prepared transaction":  {"PREPARE TRANSACTION 'x'", CodeTransaction, 1, 1},
		"session authorization": {"SET SESSION AUTHORIZATION bob", CodeSession, 1, 1},
		"set role":              {"SET ROLE bob", CodeSession, 1, 1},
		"discard":               {"DISCARD ALL", CodeSession, 1, 1},
		"concurrent index in a transaction": {"BEGIN;\nCREATE INDEX CONCURRENTLY i ON a(b);\nCOMMIT;", CodeInBlock, 2,
			1},
		"parentheses": {"SELECT\n" + deep, CodeTooDeep, 2, MaxDepth + 1},
		"operators":   {"SELECT 1" + strings.Repeat("||1", 100000), CodeTooDeep, 1, 8 + 3*MaxDepth + 1},
		"nots":        {"SELECT " + strings.Repeat("NOT ", 100000) + "true", CodeTooDeep, 1, 7 + 4*MaxDepth + 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse([]byte(c.sql))
			e := AsSyntaxError(err)
			if e == nil {
				t.Fatalf("got %v, want a syntax error; units %s", err, shape(s))
			}
			if e.Code != c.code || e.Line != c.line || e.Column != c.col {
				t.Errorf("got %s at %d:%d (%s), want %s at %d:%d", e.Code, e.Line, e.Column, e.Message, c.code, c.line,
					c.col)
			}
			if len(s.Units) > 0 {
				t.Errorf("a refused file has units: %s", shape(s))
			}
		})
	}
}

func TestParse_still_gives_the_statements_of_a_file_with_psql_commands(t *testing.T) {
	s, err := Parse([]byte("\\set x 1\nDROP TABLE a;\n"))
	if err == nil || len(s.Statements) != 1 || s.Statements[0].Kind != "DROP TABLE" || s.Statements[0].Line != 2 {
		t.Fatalf("got %+v, %v", s.Statements, err)
	}
}

func TestParse_refuses_a_file_beyond_the_limit(t *testing.T) {
	_, err := Parse(make([]byte, MaxBytes+1))
	if e := AsSyntaxError(err); e == nil || e.Code != CodeTooLarge {
		t.Fatalf("got %v", err)
	}
}

func TestParse_keeps_copy_data_out_of_the_SQL(t *testing.T) {
	sql := "COPY a (m) FROM stdin;\r\nDROP TABLE b; \\x 'æ\r\nhello\r\n\\.\r\nSELECT 1;"
	s, err := Parse([]byte(sql))
	if err != nil {
		t.Fatal(err)
	}
	if got := shape(s); got != "t(COPY, SELECT)" {
		t.Errorf("units %s", got)
	}
	if got := string(s.Data(s.Statements[0])); got != "DROP TABLE b; \\x 'æ\r\nhello\r\n" {
		t.Errorf("data %q", got)
	}
	if s.Statements[1].Line != 5 || s.Statements[1].SQL != "SELECT 1" {
		t.Errorf("the statement after the data is %+v", s.Statements[1])
	}
	if s, err := Parse([]byte("COPY a FROM stdin; -- no end\n1\n2")); err != nil ||
		string(s.Data(s.Statements[0])) != "1\n2" {
		t.Errorf("without an end mark: %q, %v", s.Data(s.Statements[0]), err)
	}
}

func TestParse_hashes_the_exact_bytes(t *testing.T) {
	plain, marked := "SELECT 1;\nSELECT 2", "\ufeffSELECT 1;\nSELECT 2"
	a, _ := Parse([]byte(plain))
	b, err := Parse([]byte(marked))
	if err != nil {
		t.Fatal(err)
	}
	if a.SHA256 == b.SHA256 {
		t.Error("the byte order mark is not in the hash")
	}
	if a.Units[0].SHA256 != b.Units[0].SHA256 || b.Units[0].Start != 3 || b.Statements[0].Column != 1 {
		t.Errorf("the mark moved the unit: %+v", b.Units[0])
	}
	if got := b.Text(b.Units[0]); got != plain {
		t.Errorf("text %q", got)
	}
}

func TestScript_comes_back_from_storage_and_proves_its_text(t *testing.T) {
	sql := []byte("SET search_path = s;\nCREATE INDEX CONCURRENTLY i ON t(a);\nSELECT 'æ';")
	s, err := Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(stored), "search_path") {
		t.Errorf("the text itself is stored: %s", stored)
	}
	var back Script
	if err := json.Unmarshal(stored, &back); err != nil {
		t.Fatal(err)
	}
	if err := back.Attach(append([]byte(" "), sql...)); !errors.Is(err, ErrOtherText) {
		t.Errorf("another text was accepted: %v", err)
	}
	if err := back.Attach(sql); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(back.Units) == "" || shape(back) != shape(s) || back.Statements[1].SQL != s.Statements[1].SQL ||
		*back.Statements[1].Probe != *s.Statements[1].Probe {
		t.Errorf("got %+v", back)
	}
}

func TestUnit_names_the_settings_to_set_again_on_a_new_connection(t *testing.T) {
	s, err := Parse([]byte("SET search_path = a; SET lock_timeout = '1s'; VACUUM x; SET search_path = b; SET LOCAL " +
		"work_mem = '1MB'; SELECT set_config('a.b', 'c', false); VACUUM y;"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range s.Units {
		got = append(got, fmt.Sprint(u.Session))
	}
	if want := "[] [0 1] [0 1] [1 3 5]"; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, " "), want)
	}
}

func TestStatement_knows_what_to_ask_after_a_crash(t *testing.T) {
	for sql, want := range map[string]Probe{
		`CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "I" ON s.t(a)`: {What: IndexValid, Schema: "s", Name: "I",
			TableSchema: "s", Table: "t", Unique: true, IfGuarded: true},
		`CREATE INDEX CONCURRENTLY ON t(a)`:     {What: IndexValid, Table: "t"},
		`DROP INDEX CONCURRENTLY IF EXISTS s.i`: {What: IndexGone, Schema: "s", Name: "i", IfGuarded: true},
		`REINDEX INDEX CONCURRENTLY s.i`: {What: IndexRebuilt, Schema: "s", Name: "i",
			Target: "index"},
		`ALTER TABLE s.p DETACH PARTITION q.c CONCURRENTLY`: {What: PartitionDetached, Schema: "q", Name: "c",
			TableSchema: "s", Table: "p"},
		`VACUUM (FULL) t`:   {What: Repeatable},
		`CREATE DATABASE d`: {What: DatabaseExists, Name: "d"},
	} {
		s, err := Parse([]byte(sql))
		if err != nil {
			t.Fatal(err)
		}
		if p := s.Statements[0].Probe; p == nil || *p != want {
			t.Errorf("%s\n got %+v\nwant %+v", sql, p, want)
		}
	}
	s, err := Parse([]byte("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p"))
	if err != nil || s.Units[0].Kind != Alone || s.Statements[0].Probe != nil {
		t.Errorf("a subscription has no probe and stands alone: %+v, %v", s.Units, err)
	}
}

func TestParse_reads_what_is_just_within_the_depth(t *testing.T) {
	for name, sql := range map[string]string{
		"parentheses": "SELECT " + strings.Repeat("(", MaxDepth-1) + "1" + strings.Repeat(")", MaxDepth-1),
		"operators":   "SELECT 1" + strings.Repeat("||1", MaxDepth-1),
		"unions":      "SELECT 1" + strings.Repeat(" UNION SELECT 1", MaxDepth-1),
		"cases": "SELECT " + strings.Repeat("CASE WHEN true THEN 1 ELSE ", MaxDepth/3-1) + "1" +
			strings.Repeat(" END", MaxDepth/3-1),
		"subqueries": "SELECT " + strings.Repeat("(SELECT ", MaxDepth/2) + "1" + strings.Repeat(")", MaxDepth/2),
		"arrays":     "SELECT " + strings.Repeat("ARRAY[", MaxDepth-1) + "1" + strings.Repeat("]", MaxDepth-1),
		"blocks": "DO $$ BEGIN " + strings.Repeat("IF true THEN ", MaxDepth/2) + "NULL;" + strings.Repeat("END IF;",
			MaxDepth/2) + " END $$",
	} {
		s, err := Parse([]byte(sql))
		if e := AsSyntaxError(err); err != nil && (e == nil || e.Code == CodeSyntax &&
			!strings.Contains(e.Message, "memory exhausted")) {
			t.Errorf("%s: %v", name, err)
		}
		if len(s.Statements) == 1 {
			_, _ = BodyOf(s.Node(0), s.Statements[0].SQL)
		}
	}
}

func TestParse_finds_the_column_in_a_very_long_line(t *testing.T) {
	sql := "\ufeffSELECT '" + strings.Repeat("æ", 5000) + "'; SELEC"
	if e := AsSyntaxError(func() error { _, err := Parse([]byte(sql)); return err }()); e == nil || e.Line != 1 ||
		e.Column != 5012 {
		t.Errorf("got %v", e)
	}
	long := strings.Repeat("ALTER TYPE e ADD VALUE 'x'; SELECT 'æ';", 20000)
	s, err := Parse([]byte(long))
	if err != nil || s.Statements[39999].Column != 20000*39-10 {
		t.Errorf("got %d, %v", s.Statements[39999].Column, err)
	}
}
