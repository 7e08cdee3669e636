package archive

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database/postgres/server"
)

// A kind is one sort of object: what an archive's table of contents calls it, and how the catalog counts those that
// pg_dump writes. Where pg_dump's own choice is finer than the query, the query counts fewer: an archive with more is
// right, one with less is not.
type kind struct {
	plural  string
	class   uint32 // oid of the catalog that the entry names; the entry's word alone may be a schema's name
	word    string // of the table of contents
	catalog string
}

// users leaves out what the system or an extension brings along.
const users = ` n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS
	(SELECT FROM pg_depend d WHERE d.classid = %s::regclass AND d.objid = %s AND d.deptype = 'e') `

func relations(relkinds string) string {
	return `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't'
		AND c.relkind = ANY ('` + relkinds + `'::"char"[]) AND` +
		fmt.Sprintf(users, "'pg_class'", "c.oid")
}

func routines(prokinds string) string {
	return `FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prokind = ANY ('` + prokinds +
		`'::"char"[]) AND
		NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid AND
			i.deptype = 'i') AND` +
		fmt.Sprintf(users, "'pg_proc'", "p.oid")
}

// onTable counts what belongs to a table, by the alias o of its catalog and the column of the table's oid.
func onTable(catalog, table, condition string) string {
	return `FROM ` + catalog + ` o JOIN pg_class c ON c.oid = o.` + table +
		` JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't' AND ` +
		condition + ` AND` + fmt.Sprintf(users, "'pg_class'", "c.oid")
}

func types(condition string) string {
	return `FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
		WHERE ` + condition + ` AND` +
		fmt.Sprintf(users, "'pg_type'", "t.oid")
}

// wholeIndex is an index that pg_dump writes: not one that a failed CREATE INDEX CONCURRENTLY has left.
const wholeIndex = `i.indisready AND (i.indisvalid OR c.relkind = 'p')`

// kinds lists what is counted.
func kinds() []kind {
	return []kind{
		{"tables", 1259, "TABLE", relations("{r,p}")},
		{"foreign tables", 1259, "FOREIGN TABLE", relations("{f}")},
		{"views", 1259, "VIEW", relations("{v}")},
		{"materialized views", 1259, "MATERIALIZED VIEW", relations("{m}")},
		{"sequences", 1259, "SEQUENCE", relations("{S}")},
		{"indexes", 1259, "INDEX", plainIndexes()},
		{"constraints", 2606, "CONSTRAINT", onTable("pg_constraint", "conrelid",
			`o.contype IN ('p', 'u', 'x') AND EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = o.conindid AND `+
				wholeIndex+`)`)},
		{"foreign keys", 2606, "FK CONSTRAINT", onTable("pg_constraint", "conrelid",
			`o.contype = 'f' AND o.conparentid = 0`)},
		{"functions", 1255, "FUNCTION", routines("{f,w}")},
		{"procedures", 1255, "PROCEDURE", routines("{p}")},
		{"aggregates", 1255, "AGGREGATE", routines("{a}")},
		{"triggers", 2620, "TRIGGER", onTable("pg_trigger", "tgrelid", `NOT o.tgisinternal AND o.tgparentid = 0`)},
		{"rules", 2618, "RULE", onTable("pg_rewrite", "ev_class", `o.rulename <> '_RETURN'`)},
		{"policies", 3256, "POLICY", onTable("pg_policy", "polrelid", `true`)},
		{"statistics", 3381, "STATISTICS", onTable("pg_statistic_ext", "stxrelid", `true`)},
		{"types", 1247, "TYPE", types(`(t.typtype IN ('e', 'r') OR t.typtype = 'c' AND c.relkind = 'c')`)},
		{"domains", 1247, "DOMAIN", types(`t.typtype = 'd'`)},
		{"schemas", 2615, "SCHEMA", `FROM pg_namespace n WHERE n.nspname <> 'public' AND` + fmt.Sprintf(users,
			"'pg_namespace'", "n.oid")},
		{"extensions", 3079, "EXTENSION", `FROM pg_extension e WHERE e.oid >= 16384`},
		{"event triggers", 3466, "EVENT TRIGGER", `FROM pg_event_trigger e WHERE NOT EXISTS (SELECT FROM pg_depend d
			WHERE d.objid = e.oid AND d.deptype = 'e')`},
	}
}

// largeObjects is the one kind that is counted in the archive's data: how the table of contents lists them differs by
// version.
const largeObjects = "large objects"

// plainIndexes counts those that are not part of a constraint.
func plainIndexes() string {
	return `FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relpersistence <> 't' AND ` + wholeIndex + `
		AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid
			AND k.contype IN ('p', 'u', 'x')) AND` + fmt.Sprintf(users, "'pg_class'", "c.oid")
}

// contents counts the objects that a dump of this session's snapshot must hold.
func contents(ctx context.Context, conn *pgx.Conn) (map[string]int64, error) {
	var sql strings.Builder
	for _, k := range kinds() {
		fmt.Fprintf(&sql, "SELECT '%s', count(*) %s UNION ALL ", k.plural, k.catalog)
	}
	sql.WriteString("SELECT '" + largeObjects + "', count(*) FROM pg_largeobject_metadata")
	ctx, cancel := context.WithTimeout(ctx, contentsLimit)
	defer cancel()
	rows, err := conn.Query(ctx, sql.String())
	if err != nil {
		return nil, server.Classify(ctx, conn.PgConn(), "count objects", err)
	}
	all := map[string]int64{}
	var name string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error {
		if n > 0 {
			all[name] = n
		}
		return nil
	})
	return all, server.Classify(ctx, conn.PgConn(), "count objects", err)
}

// contentsLimit is larger than askLimit: a catalog of a hundred thousand tables is read whole.
const contentsLimit = 4 * server.QueryLimit

// tocCounter reads what pg_restore --list writes and counts the entries of each kind.
type tocCounter struct {
	line  []byte // of the current line, at most maxLine
	kinds []kind
	found map[string]int64
}

func newTOCCounter() *tocCounter { return &tocCounter{kinds: kinds(), found: map[string]int64{}} }

// Write never fails.
func (c *tocCounter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		part := p
		if i >= 0 {
			part = p[:i]
		}
		if room := maxLine - len(c.line); room > 0 {
			c.line = append(c.line, part[:min(room, len(part))]...)
		}
		if i < 0 {
			break
		}
		c.entry(string(c.line))
		c.line, p = c.line[:0], p[i+1:]
	}
	return n, nil
}

// entry reads "215; 1259 16385 TABLE public orders owner".
func (c *tocCounter) entry(line string) {
	_, rest, ok := strings.Cut(line, "; ")
	if !ok || strings.HasPrefix(line, ";") {
		return
	}
	class, rest, _ := strings.Cut(rest, " ")
	_, rest, _ = strings.Cut(rest, " ")
	number, err := strconv.ParseUint(class, 10, 32)
	if err != nil {
		return
	}
	for _, k := range c.kinds {
		if k.class == uint32(number) && strings.HasPrefix(rest, k.word+" ") {
			c.found[k.plural]++
			return
		}
	}
}

// lacking gives what is in want but not, or not as often, in found.
func lacking(want, found map[string]int64) []string {
	var bad []string
	for name, n := range want {
		if got := found[name]; got < n {
			bad = append(bad, fmt.Sprintf("%d of %d %s are in it", got, n, name))
		}
	}
	slices.Sort(bad)
	return bad
}
