package sqlreview

// CatalogSchema names the version of the catalog's JSON.
const CatalogSchema = "fairlead.catalog/v1"

// Catalog is what the target database holds before the script, as the database
// adapter read it. It has no data values. A nil Catalog means that nothing is
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

// Table is a relation. Rows is the estimate of the planner; below zero means
// that nobody knows, and then the table counts as big.
type Table struct {
	Schema   string       `json:"schema"`
	Name     string       `json:"name"`
	Kind     RelationKind `json:"kind"`
	Rows     int64        `json:"rows"`
	Columns  []Column     `json:"columns"`
	Checks   []Check      `json:"checks"`
	Indexes  []Index      `json:"indexes"`
	Policies int          `json:"policies"`
	Security bool         `json:"row_security"`
}

// Column is a column; Type is as format_type gives it: character varying(20).
type Column struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	NotNull    bool   `json:"not_null"`
	HasDefault bool   `json:"has_default"`
}

// Check is a CHECK constraint; Expression is as pg_get_expr gives it.
type Check struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
	Valid      bool   `json:"valid"`
}

// Index is an index of a table. Columns holds names; an expression is "".
type Index struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Unique  bool     `json:"unique"`
	Valid   bool     `json:"valid"`
}

// Function is a function or procedure outside pg_catalog; Volatility is i, s or v.
type Function struct {
	Schema     string `json:"schema"`
	Name       string `json:"name"`
	Volatility string `json:"volatility"`
}

// Domain is a domain type; Constrained says whether it has a CHECK or NOT NULL.
type Domain struct {
	Schema      string `json:"schema"`
	Name        string `json:"name"`
	Constrained bool   `json:"constrained"`
}

// Enum is an enum type with its labels.
type Enum struct {
	Schema string   `json:"schema"`
	Name   string   `json:"name"`
	Labels []string `json:"labels"`
}

func (c *Catalog) table(n name) *Table {
	if c == nil {
		return nil
	}
	for i := range c.Tables {
		if c.Tables[i].Name == n.name && c.Tables[i].Schema == n.schema {
			return &c.Tables[i]
		}
	}
	return nil
}

func (t *Table) column(column string) *Column {
	if t == nil {
		return nil
	}
	for i := range t.Columns {
		if t.Columns[i].Name == column {
			return &t.Columns[i]
		}
	}
	return nil
}
