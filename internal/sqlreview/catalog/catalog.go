// Package catalog is what a database holds before a script, as a value: its adapter reads it, a file keeps it, and a
// review works on copies of its tables.
package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Schema names the version of the catalog's JSON.
const Schema = "fairlead.catalog/v1"

// Catalog is what the target database holds before the script, as the database adapter read it. It has no data values,
// except the names of migrations that a migration tool has recorded as applied. A nil Catalog means that nothing is
// known; an empty one means that the database is empty.
type Catalog struct {
	Schema        string     `json:"schema"`
	ServerVersion int        `json:"server_version"` // as server_version_num, 150018
	SearchPath    []string   `json:"search_path"`    // nil means public
	TimeZone      string     `json:"time_zone"`      // of a session of the role that applies
	Tables        []Table    `json:"tables"`         // tables, partitioned tables, views, materialized views
	Functions     []Function `json:"functions"`
	Domains       []Domain   `json:"domains"`
	Enums         []Enum     `json:"enums"`
	Types         []Ref      `json:"types,omitempty"`     // composite and range types
	Sequences     []Ref      `json:"sequences,omitempty"` // all of them
	Schemas       []string   `json:"schemas,omitempty"`
	Hidden        []string   `json:"hidden,omitempty"`     // schemas that were left out
	Extensions    []string   `json:"extensions,omitempty"` // installed ones
	Histories     []History  `json:"histories,omitempty"`
	Names         *Names     `json:"names,omitempty"`
}

// Names completes what a statement can refer to, so that a name which is nowhere is known to be missing. Nil means that
// nobody looked; then no function, type or role counts as missing.
type Names struct {
	BaseTypes []Ref    `json:"base_types"` // types of extensions
	Available []string `json:"available"`  // extensions that the server can install
	Roles     []string `json:"roles"`      // all of the server, without PostgreSQL's own
}

// History is what a migration tool has recorded as applied: EF Core's __EFMigrationsHistory, for one. Applied holds
// names of migrations, in order.
type History struct {
	Schema  string   `json:"schema"`
	Table   string   `json:"table"`
	Applied []string `json:"applied"`
}

// RelationKind says what a relation is.
type RelationKind string

// The kinds of relation.
const (
	KindTable       RelationKind = "table"
	KindPartitioned RelationKind = "partitioned"
	KindView        RelationKind = "view"
	KindMatView     RelationKind = "matview"
	KindForeign     RelationKind = "foreign"
)

// Table is a relation. Rows is the estimate of the planner; below zero means that nobody knows, and then the table
// counts as big. A partitioned table has the rows of its partitions. Bytes is the size at the last statistics, without
// indexes; zero means that nobody knows.
type Table struct {
	Schema      string       `json:"schema"`
	Name        string       `json:"name"`
	Kind        RelationKind `json:"kind"`
	Rows        int64        `json:"rows"`
	Bytes       int64        `json:"bytes,omitempty"`
	Unlogged    bool         `json:"unlogged,omitempty"`
	Columns     []Column     `json:"columns"`
	Checks      []Check      `json:"checks,omitempty"`
	Indexes     []Index      `json:"indexes,omitempty"`
	ForeignKeys []ForeignKey `json:"foreign_keys,omitempty"`
	Triggers    []Trigger    `json:"triggers,omitempty"`
	Parents     []Ref        `json:"parents,omitempty"` // it is a partition of, or inherits from
	Partition   bool         `json:"partition,omitempty"`
	Default     bool         `json:"default,omitempty"`   // it is the default partition
	Elsewhere   bool         `json:"elsewhere,omitempty"` // in another tablespace than the database's
	Uses        []Use        `json:"uses,omitempty"`      // of a view: the columns it reads
	Policies    int          `json:"policies,omitempty"`
	Security    bool         `json:"row_security,omitempty"`
}

// Ref names something in a schema, which is never empty.
type Ref struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
}

// WithName is another name in the same schema.
func (r Ref) WithName(n string) Ref { return Ref{r.Schema, n} }

// String leaves the schema public out.
func (r Ref) String() string {
	if r.Schema == "public" {
		return r.Name
	}
	return r.Schema + "." + r.Name
}

// Use is a column that a view depends on; without a column, the whole relation.
type Use struct {
	Schema string `json:"schema"`
	Table  string `json:"table"`
	Column string `json:"column,omitempty"`
}

// Column is a column; Type is as format_type gives it: character varying(20).
type Column struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	NotNull    bool   `json:"not_null,omitempty"`
	HasDefault bool   `json:"has_default,omitempty"` // or an identity, or generated
	Identity   bool   `json:"identity,omitempty"`
	Generated  bool   `json:"generated,omitempty"`
}

// Check is a CHECK constraint; Expression is as pg_get_expr gives it.
type Check struct {
	Name       string   `json:"name"`
	Expression string   `json:"expression"`
	Valid      bool     `json:"valid"`
	Columns    []string `json:"columns,omitempty"`
}

// Index is an index of a table. Columns holds the key's names; an expression is "". Depends holds the columns that
// expressions and the predicate read.
type Index struct {
	Name       string   `json:"name"`
	Columns    []string `json:"columns"`
	Unique     bool     `json:"unique,omitempty"`
	Valid      bool     `json:"valid"`
	Primary    bool     `json:"primary,omitempty"`
	Partial    bool     `json:"partial,omitempty"`
	Constraint bool     `json:"constraint,omitempty"` // it belongs to a constraint of the same name
	Depends    []string `json:"depends,omitempty"`
}

// ForeignKey is a foreign key of a table.
type ForeignKey struct {
	Name       string   `json:"name"`
	Columns    []string `json:"columns"`
	Target     Ref      `json:"target"`
	References []string `json:"references"`
	Valid      bool     `json:"valid"`
}

// Trigger is a trigger that a person made; Function is what it runs.
type Trigger struct {
	Name     string `json:"name"`
	Function Ref    `json:"function"`
	Enabled  bool   `json:"enabled"`
}

// Function is a function or procedure outside pg_catalog; Volatility is i, s or v.
type Function struct {
	Schema     string `json:"schema"`
	Name       string `json:"name"`
	Volatility string `json:"volatility"`
}

// Domain is a domain type; Constrained says whether it has a CHECK or NOT NULL.
type Domain struct {
	Schema      string  `json:"schema"`
	Name        string  `json:"name"`
	Base        string  `json:"base,omitempty"`
	Constrained bool    `json:"constrained"`
	Checks      []Check `json:"checks,omitempty"`
}

// Enum is an enum type with its labels.
type Enum struct {
	Schema string   `json:"schema"`
	Name   string   `json:"name"`
	Labels []string `json:"labels"`
}

// Encode writes a catalog as JSON with one line for each relation and function, so that two of them can be compared
// line by line.
func Encode(c *Catalog) ([]byte, error) {
	var b bytes.Buffer
	v := reflect.ValueOf(*c)
	comma := "{\n"
	for i := range v.NumField() {
		key, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		field := v.Field(i)
		if options == "omitempty" && field.IsZero() {
			continue
		}
		fmt.Fprintf(&b, "%s%q:", comma, key)
		comma = ",\n"
		if err := encodeLines(&b, field); err != nil {
			return nil, fmt.Errorf("encode the catalog's %s: %w", key, err)
		}
	}
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}

func encodeLines(b *bytes.Buffer, v reflect.Value) error {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.Struct {
		line, err := json.Marshal(v.Interface())
		b.Write(line)
		return err
	}
	b.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		line, err := json.Marshal(v.Index(i).Interface())
		if err != nil {
			return err
		}
		b.Write(line)
	}
	b.WriteByte(']')
	return nil
}

// Decode reads what EncodeCatalog wrote, or any JSON of that schema.
func Decode(b []byte) (*Catalog, error) {
	var c Catalog
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("it is no catalog: %w", err)
	}
	if c.Schema != Schema {
		return nil, fmt.Errorf("its schema is %q, this program reads %q", c.Schema, Schema)
	}
	return &c, nil
}

// SameShape says whether two catalogs differ in sizes only. One that is nil has no shape.
func SameShape(a, b *Catalog) bool {
	if a == nil || b == nil {
		return false
	}
	left, err1 := json.Marshal(a.shape())
	right, err2 := json.Marshal(b.shape())
	return err1 == nil && err2 == nil && bytes.Equal(left, right)
}

// shape is the catalog without sizes; of the version, the major one counts.
func (c Catalog) shape() Catalog {
	c.ServerVersion /= 10_000
	// what a server could install, and its roles, are its own
	c.Names = nil
	c.Tables = slices.Clone(c.Tables)
	for i := range c.Tables {
		c.Tables[i].Rows, c.Tables[i].Bytes = 0, 0
	}
	return c
}
