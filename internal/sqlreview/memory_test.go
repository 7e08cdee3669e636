package sqlreview

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// inserts is a file of many small statements.
func inserts(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "INSERT INTO t(a,b) VALUES (%d, 'value number');\n", i)
	}
	return []byte(b.String())
}

// heapOf gives the most heap that a review held at any time, measured from before it.
func heapOf(review func()) uint64 {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done, most := make(chan struct{}), uint64(0)
	stop := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(150 * time.Millisecond):
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
			}
		}
	}()
	review()
	close(stop)
	<-done
	return most
}

func TestReview_of_a_large_file_holds_little_memory(t *testing.T) {
	sql := inserts(40_000)
	var r Report
	began := time.Now()
	heap := heapOf(func() { r = Review(Input{Files: []File{{Name: "m.sql", SQL: sql}}}) })
	if len(r.Statements) != maxShown || r.Unlisted != 40_000-maxShown {
		t.Errorf("%d statements are listed, %d are not", len(r.Statements), r.Unlisted)
	}
	t.Logf("%d MB of SQL: %d MB of heap, %v", len(sql)>>20, heap>>20, time.Since(began))
	if r.Verdict != Pass || r.Coverage.Reviewed != 40_000 || r.Coverage.Total != 40_000 {
		t.Errorf("%s, %+v", r.Verdict, r.Coverage)
	}
	if heap > 48<<20 {
		t.Errorf("the heap grew by %d MB", heap>>20)
	}
}

func TestReview_shows_a_bounded_number_of_findings_and_forgets_none(t *testing.T) {
	sql := strings.Repeat("CREATE INDEX ON orders(total);\n", maxFindings+5) + "DROP TABLE orders;"
	// the indexes inform only
	r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(sql)}}, Catalog: baseCatalog()})
	if len(r.Findings) != maxFindings || r.LeftOut != 6 || r.Verdict != Block {
		t.Errorf("%d findings, %d left out, %s", len(r.Findings), r.LeftOut, r.Verdict)
	}
}

func TestReview_of_bad_input_blocks_with_a_place(t *testing.T) {
	for name, c := range map[string]struct {
		sql       string
		line, col int
	}{
		"binary":                  {"SELECT 1;\n\x00\x01\x02", 2, 1},
		"UTF-16":                  {"\xff\xfeS\x00E\x00", 1, 1},
		"Latin-1":                 {"SELECT 1;\nSELECT 'caf\xe9';", 2, 12},
		"too large":               {strings.Repeat("-- 16 bytes here\n", 1_000_000), 1, 1},
		"not SQL":                 {"hello world", 1, 1},
		"another dialect":         {"CREATE TABLE `t` (`id` int AUTO_INCREMENT);", 1, 14},
		"an unterminated quote":   {"SELECT 1;\r\nSELECT 'x;", 2, 8},
		"an unterminated tag":     {"SELECT 1;\nDO $x$ BEGIN NULL; END", 2, 4},
		"an unterminated comment": {"/* SELECT 1;", 1, 1},
		"deep parentheses": {"SELECT " + strings.Repeat("(", 30_000) + "1" + strings.Repeat(")",
			30_000), 1, 0},
		"a deep chain": {"SELECT 1" + strings.Repeat(" + 1", 30_000), 1, 0},
		"deep CASE": {"SELECT " + strings.Repeat("CASE WHEN true THEN ", 30_000) + "1" +
			strings.Repeat(" END", 30_000), 1, 0},
		"deep NOT":   {"SELECT " + strings.Repeat("NOT ", 30_000) + "true", 1, 0},
		"deep UNION": {"SELECT 1" + strings.Repeat(" UNION SELECT 1", 30_000), 1, 0},
		"deep brackets": {"SELECT " + strings.Repeat("ARRAY[", 30_000) + "1" + strings.Repeat("]",
			30_000), 1, 0},
		"deep blocks": {"DO $$ " + strings.Repeat("BEGIN ", 30_000) + "NULL; " +
			strings.Repeat("END; ", 30_000) + "$$;", 1, 0},
		"an error after CRLF lines":        {"SELECT 1;\r\nSELECT 2;\r\n  SELEC 3;\r\n", 3, 3},
		"an error after a byte order mark": {"\ufeffSELEC 1;", 1, 1},
		"an error after wide characters":   {"SELECT 'äöü😀'; SELEC 1;", 1, 16},
		"an unterminated identifier":       {"SELECT 1;\nSELECT \"x;", 2, 8},
		"an unterminated E string":         {"SELECT E'x\\';", 1, 8},
		"a tag that another one opens":     {"DO $a$ BEGIN NULL; END $b$;", 1, 4},
		"MySQL: AUTO_INCREMENT":            {"CREATE TABLE t (\n  id int AUTO_INCREMENT\n) ENGINE=InnoDB;", 2, 10},
		"MySQL: ENGINE":                    {"CREATE TABLE t (id int) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;", 1, 25},
		"MySQL: MODIFY":                    {"SELECT 1;\nALTER TABLE t MODIFY COLUMN c bigint;", 2, 15},
		"MySQL: DELIMITER": {"DELIMITER //\nCREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET " +
			"NEW.a = 1//", 1, 1},
		"T-SQL: brackets":              {"CREATE TABLE [dbo].[t] ([id] int);", 1, 14},
		"T-SQL: GO":                    {"SELECT 1\nGO\nALTER TABLE t ADD c int\nGO\n", 3, 1},
		"T-SQL: IF OBJECT_ID":          {"IF OBJECT_ID('t') IS NOT NULL DROP TABLE t;", 1, 1},
		"T-SQL: EXEC sp_rename":        {"EXEC sp_rename 't.a', 'b', 'COLUMN';", 1, 1},
		"SQLite: AUTOINCREMENT":        {"CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT);", 1, 40},
		"SQLite: PRAGMA":               {"PRAGMA foreign_keys = ON;", 1, 1},
		"Oracle: VARCHAR2 and a slash": {"CREATE TABLE t (a VARCHAR2(10 BYTE));\n/\n", 1, 31},
		"a template":                   {"SELECT 1;\nDROP TABLE {{ .Table }};", 2, 12},
		"a template of a shell":        {"GRANT SELECT ON t TO ${ROLE};", 1, 22},
		"a DO in a DO that cannot be read": {"SELECT 1;\nDO $a$ BEGIN\n  EXECUTE 'DO $b$ BEGIN IF $b$';\nEND $a$;", 3,
			11},
		"a DO in a DO in another language": {"DO $a$ BEGIN\n  EXECUTE 'DO LANGUAGE plperl $b$ 1 $b$'; END $a$;", 2, 11},
		"DO in DO in DO, without end":      {nestedDo(12), 1, 0},
		"one endless statement": {"SELECT 1;\n INSERT INTO t VALUES (1)" + strings.Repeat(",(1)", 100_000),
			2, 2},
		"endless statements":        {strings.Repeat(";", 500_000), 1, 0},
		"an error in a later piece": {string(inserts(5_000)) + "SELEC 1;", 5001, 1},
	} {
		r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(c.sql)}}})
		if r.Verdict != Block || len(r.Findings) == 0 || !strings.Contains(rulesOf(r), "block:unreviewable") ||
			r.Compatibility != Unknown {
			t.Errorf("%s: %s, %s, %s", name, r.Verdict, rulesOf(r), r.Compatibility)
			continue
		}
		if f := r.Findings[0]; f.Line != c.line || c.col > 0 && f.Column != c.col {
			t.Errorf("%s: it is found at %d:%d, want %d:%d (%s)", name, f.Line, f.Column, c.line, c.col, f.Message)
		}
	}
}

// nestedDo executes a DO block in a DO block, as often as asked, and at last drops a table.
func nestedDo(n int) string {
	sql := "DROP TABLE orders"
	for i := range n {
		tag := fmt.Sprintf("$q%d$", i)
		sql = fmt.Sprintf("DO $b%d$ BEGIN EXECUTE %s%s%s; END $b%d$", i, tag, sql, tag, i)
	}
	return sql
}

func TestReview_follows_DO_in_DO_as_deep_as_it_says(t *testing.T) {
	if r := Review(Input{Files: []File{{Name: "m.sql", SQL: []byte(nestedDo(3))}}}); !strings.Contains(rulesOf(r),
		"block:drop-table") {
		t.Errorf("three deep: %s", rulesOf(r))
	}
}
