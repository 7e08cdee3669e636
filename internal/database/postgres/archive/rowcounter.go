package archive

import (
	"bytes"
	"fmt"
	"strings"

	"fairlead/internal/database/postgres/server"
)

// maxLine is how much of one line is kept: enough for any COPY line's beginning (two names of 63 bytes, doubled quotes
// included).
const maxLine = 1 << 10

// rowCounter reads the script that pg_restore writes of an archive's data and counts the lines between COPY … FROM
// stdin; and \. for each table. It keeps the beginning of one line and one number per table, whatever the size of the
// data.
type rowCounter struct {
	line   []byte // of the current line, at most maxLine
	long   int    // its whole length
	table  string // key of the table whose rows pass now, "" outside
	rows   map[string]int64
	large  int64 // large objects
	broken error
}

func newRowCounter() *rowCounter { return &rowCounter{rows: map[string]int64{}} }

// Write never fails; what is wrong is told by counts.
func (c *rowCounter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if c.table != "" && c.long == 0 {
			whole := rowsIn(p)
			c.rows[c.table] += int64(bytes.Count(p[:whole], []byte{'\n'}))
			p = p[whole:]
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			c.add(p)
			break
		}
		c.add(p[:i])
		c.end()
		p = p[i+1:]
	}
	return n, nil
}

// rowsIn gives how many bytes at the beginning of p, where a line begins, are whole rows: all whole lines up to the one
// that is \. alone. A backslash of the data never stands so (PostgreSQL manual, COPY, text format).
func rowsIn(p []byte) int {
	for k := 0; ; k++ {
		i := bytes.IndexByte(p[k:], '\\')
		if i < 0 {
			return bytes.LastIndexByte(p, '\n') + 1
		}
		k += i
		if (k == 0 || p[k-1] == '\n') && bytes.HasPrefix(p[k:], []byte("\\.\n")) {
			return k
		}
	}
}

func (c *rowCounter) add(p []byte) {
	if room := maxLine - len(c.line); room > 0 {
		c.line = append(c.line, p[:min(room, len(p))]...)
	}
	c.long += len(p)
}

func (c *rowCounter) end() {
	line := c.line
	c.line, c.long = c.line[:0], 0
	if c.table != "" {
		if string(line) == `\.` {
			c.table = ""
			return
		}
		c.rows[c.table]++
		return
	}
	if bytes.HasPrefix(line, []byte("SELECT pg_catalog.lo_open(")) {
		c.large++
		return
	}
	rest, ok := strings.CutPrefix(string(line), "COPY ")
	if !ok {
		return
	}
	key, ok := leadingTable(rest)
	if !ok {
		c.broken = fmt.Errorf("a COPY line names no table: %q", server.Shortened(rest, 80))
		return
	}
	if _, twice := c.rows[key]; twice {
		c.broken = fmt.Errorf("table %s stands in it twice", strings.ReplaceAll(key, "\x00", "."))
	}
	c.table, c.rows[key] = key, 0
}

// counts gives the rows per table, or what was wrong with the script.
func (c *rowCounter) counts() (map[string]int64, error) {
	if c.broken == nil && c.table != "" {
		return nil, fmt.Errorf("the rows of %s have no end", strings.ReplaceAll(c.table, "\x00", "."))
	}
	return c.rows, c.broken
}

// tableKey makes one key of a qualified name however it is quoted.
func tableKey(name string) (string, bool) {
	schema, rest, ok := identifier(name)
	if !ok || !strings.HasPrefix(rest, ".") {
		return "", false
	}
	table, rest, ok := identifier(rest[1:])
	return schema + "\x00" + table, ok && rest == ""
}

// leadingTable reads the qualified name at the beginning of a COPY line.
func leadingTable(text string) (string, bool) {
	schema, rest, ok := identifier(text)
	if !ok || !strings.HasPrefix(rest, ".") {
		return "", false
	}
	table, rest, ok := identifier(rest[1:])
	return schema + "\x00" + table, ok && strings.HasPrefix(rest, " ")
}

// identifier reads one name, quoted or not.
func identifier(s string) (name, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexAny(s, ". (")
		if i < 0 {
			i = len(s)
		}
		return s[:i], s[i:], i > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), s[i+1:], b.Len() > 0
	}
	return "", "", false
}
