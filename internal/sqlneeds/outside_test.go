package sqlneeds

import (
	"strings"
	"testing"

	"fairlead/internal/sqltext"
)

func TestReachesOutside_finds_what_leaves_the_database(t *testing.T) {
	for claim, c := range map[string]struct{ sql, want string }{
		"a plain migration stays inside": {"CREATE TABLE a(i int); ALTER TABLE a ADD b text; CREATE " +
			"INDEX CONCURRENTLY i ON a(i); COMMENT ON TABLE a IS 'x'; GRANT SELECT ON a TO b", ""},
		"a text that only looks like one": {"INSERT INTO a VALUES ('COPY a TO PROGRAM ''x''; DROP " +
			"DATABASE d; dblink()')", ""},
		"a program":                   {"COPY a TO PROGRAM 'curl x'", "1 elsewhere"},
		"a file, later in the script": {"SELECT 1;\n\nCOPY a FROM '/etc/passwd'", "3 elsewhere"},
		"rows by COPY are no file":    {"COPY a FROM stdin;\n1\n\\.\n", ""},
		"dblink": {"SELECT * FROM dblink('host=prod', 'DELETE FROM a') AS t(i int)",
			"1 elsewhere"},
		"dblink_exec with its schema": {"SELECT ext.dblink_exec('c', 'x')", "1 elsewhere"},
		"a foreign server": {"CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS " +
			"(host 'prod')", "1 elsewhere"},
		"a user mapping":                {"CREATE USER MAPPING FOR PUBLIC SERVER s", "1 elsewhere"},
		"an extension that reaches out": {"CREATE EXTENSION IF NOT EXISTS postgres_fdw", "1 elsewhere"},
		"one that does not":             {"CREATE EXTENSION IF NOT EXISTS pg_trgm", ""},
		"a subscription": {"CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p",
			"1 elsewhere"},
		"large objects from files": {"SELECT lo_import('/etc/passwd')", "1 elsewhere"},
		"reading a file, in a default": {"CREATE TABLE a(t text DEFAULT pg_read_file('x'))",
			"1 elsewhere"},
		"LOAD": {"LOAD 'x'", "1 elsewhere"},
		"a C function": {"CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'lib', 'sym'",
			"1 elsewhere"},
		"a block in an untrusted language": {"DO LANGUAGE plpython3u $$ import os $$", "1 elsewhere"},
		"another database":                 {"CREATE DATABASE d", "1 server"},
		"a database's settings":            {"ALTER DATABASE d SET work_mem = '1MB'", "1 server"},
		"a database's owner":               {"ALTER DATABASE d OWNER TO b", "1 server"},
		"a database's name":                {"ALTER DATABASE d RENAME TO e", "1 server"},
		"dropping one":                     {"DROP DATABASE d", "1 server"},
		"ALTER SYSTEM":                     {"ALTER SYSTEM SET work_mem = '1MB'", "1 server"},
		"a role":                           {"CREATE ROLE r", "1 server"},
		"a role's password":                {"ALTER USER r PASSWORD 'x'", "1 server"},
		"membership":                       {"GRANT a TO b", "1 server"},
		"all that a role owns":             {"DROP OWNED BY r", "1 server"},
		"a tablespace":                     {"CREATE TABLESPACE t LOCATION '/x'", "1 server"},
		"a database's comment":             {"COMMENT ON DATABASE d IS 'x'", "1 server"},
		"rights on a database":             {"GRANT CONNECT ON DATABASE d TO r", "1 server"},
		"other sessions": {"SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
			"1 server"},
		"inside a block": {"DO $$ BEGIN IF true THEN PERFORM dblink('x', 'y'); END IF; " +
			"END $$", "1 elsewhere"},
		"inside a function": {"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ " +
			"BEGIN COPY a TO '/tmp/x'; END $$", "1 elsewhere"},
		"inside an SQL function": {"CREATE FUNCTION f() RETURNS oid LANGUAGE sql AS 'SELECT " +
			"lo_import(''x'')'", "1 elsewhere"},
		"inside a modern SQL function": {"CREATE FUNCTION f() RETURNS oid LANGUAGE sql BEGIN ATOMIC " +
			"SELECT lo_import('x'); END", "1 elsewhere"},
		"in a text that is fixed": {"DO $$ BEGIN EXECUTE 'DROP ' || 'DATABASE d'; END $$",
			"1 server"},
		"in a text by format": {"DO $$ BEGIN EXECUTE format('ALTER TABLE %I ADD c text " +
			"DEFAULT %L', t, v); END $$", ""},
		"in a text by format that leaves": {"DO $$ BEGIN EXECUTE format('COPY %I TO PROGRAM %L', t, v); " +
			"END $$", "1 elsewhere"},
		"in a text that cannot be known": {"DO $$ DECLARE q text; BEGIN EXECUTE q; END $$", "1 unread"},
		"by format with anything": {"DO $$ BEGIN EXECUTE format('%s', current_setting('x')); END $$",
			"1 unread"},
		"in an assignment": {"DO $$ DECLARE q text; BEGIN q := pg_read_file('x'); END $$",
			"1 elsewhere"},
		"what the parser does not know": {"SELECT 1;\nALTER TABLE a ADD BRAND NEW SYNTAX;", "2 unread"},
		"prepared":                      {"PREPARE p AS SELECT lo_export(1, 'x')", "1 elsewhere"},
		"in EXPLAIN ANALYZE":            {"EXPLAIN ANALYZE SELECT lo_import('x')", "1 elsewhere"},
		"a block in a text in a block": {"DO $a$ BEGIN EXECUTE 'DO $b$ BEGIN PERFORM " +
			"lo_import(''x''); END $b$'; END $a$", "1 elsewhere"},
		"a query as text":                             {"SELECT query_to_xml('SELECT 1', true, true, '')", "1 unread"},
		"quotes of another kind change nothing":       {`SELECT "pg_catalog"."lo_import"('x')`, "1 elsewhere"},
		"capital letters are refused like small ones": {`SELECT "LO_import"('x')`, "1 elsewhere"},
	} {
		script, _ := sqltext.Parse([]byte(c.sql))
		all := OutsideEffects(script)
		var got []string
		for _, o := range all {
			word := "elsewhere"
			if o.Shared {
				word = "server"
			} else if o.Unread {
				word = "unread"
			}
			got = append(got, strings.Split(o.String(), ":")[0][len("line "):]+" "+word)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v (%v), want %q\n%s", claim, got, all, c.want, c.sql)
		}
	}
}
