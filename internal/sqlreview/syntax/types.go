package syntax

import (
	"cmp"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// String writes the type as parseType reads it.
func (t Type) String() string {
	out := t.Name
	if len(t.Mods) > 0 {
		var mods []string
		for _, m := range t.Mods {
			mods = append(mods, strconv.Itoa(m))
		}
		out += "(" + strings.Join(mods, ",") + ")"
	}
	if t.Array {
		out += "[]"
	}
	return out
}

// SerialBase gives the integer that a serial type stands for; any other type stays.
func SerialBase(t Type) Type {
	switch t.Name {
	case "serial", "serial4":
		t.Name = "int4"
	case "bigserial", "serial8":
		t.Name = "int8"
	case "smallserial", "serial2":
		t.Name = "int2"
	}
	return t
}

// Type is a type with its modifiers, under PostgreSQL's internal name.
type Type struct {
	Name  string
	Mods  []int
	Array bool
}

// TypeOf reads a type as the grammar gives it.
func TypeOf(t *pg.TypeName) Type {
	out := Type{Name: LastName(t.GetNames()), Array: len(t.GetArrayBounds()) > 0}
	for _, m := range t.GetTypmods() {
		if c := m.GetAConst(); c != nil {
			out.Mods = append(out.Mods, int(c.GetIval().GetIval()))
		}
	}
	return out
}

// ParseType reads a type as format_type prints it.
func ParseType(s string) Type {
	out := Type{}
	s, out.Array = strings.CutSuffix(s, "[]")
	if open, end := strings.IndexByte(s, '('), strings.IndexByte(s, ')'); open >= 0 && end > open {
		for _, m := range strings.Split(s[open+1:end], ",") {
			v, _ := strconv.Atoi(strings.TrimSpace(m))
			out.Mods = append(out.Mods, v)
		}
		s = s[:open] + s[end+1:]
	}
	s = strings.Join(strings.Fields(s), " ")
	internal := map[string]string{
		"character varying": "varchar", "character": "bpchar", "integer": "int4", "bigint": "int8", "smallint": "int2",
		"boolean": "bool", "timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp",
		"time without time zone": "time", "time with time zone": "timetz", "double precision": "float8",
		"real": "float4", "bit varying": "varbit", "decimal": "numeric",
	}
	out.Name = cmp.Or(internal[s], s)
	out.Name = out.Name[strings.LastIndexByte(out.Name, '.')+1:]
	return out
}

// Conversion is what ALTER COLUMN TYPE does with the values of a column.
type Conversion int

const (
	// keepsValues: nothing at all.
	KeepsValues Conversion = iota + 1
	// keepsInUTC: nothing when the session's zone is UTC, and else a rewrite.
	KeepsInUTC
	// rewritesValues: the table is written anew.
	RewritesValues
)

// Convert says what a change of type does.
func Convert(from, to Type) Conversion {
	if from.Array != to.Array {
		return RewritesValues
	}
	if from.Name == to.Name {
		if widens(from, to) {
			return KeepsValues
		}
		return RewritesValues
	}
	switch from.Name + ">" + to.Name {
	case "varchar>text", "cidr>inet":
		return KeepsValues
	case "text>varchar":
		if len(to.Mods) == 0 {
			return KeepsValues
		}
	case "timestamp>timestamptz", "timestamptz>timestamp":
		if len(to.Mods) == 0 || to.Mods[0] >= 6 {
			return KeepsInUTC
		}
	}
	return RewritesValues
}

func widens(from, to Type) bool {
	if len(to.Mods) == 0 {
		return from.Name != "bpchar" || len(from.Mods) == 0
	}
	if len(from.Mods) == 0 {
		return false
	}
	switch from.Name {
	case "varchar", "varbit", "timestamp", "timestamptz", "time", "timetz", "interval":
		return to.Mods[0] >= from.Mods[0]
	case "numeric":
		return to.Mods[0] >= from.Mods[0] && scale(to) == scale(from)
	}
	return len(from.Mods) == len(to.Mods) && from.Mods[0] == to.Mods[0]
}

func scale(t Type) int {
	if len(t.Mods) > 1 {
		return t.Mods[1]
	}
	return 0
}

// IsUTC says whether a time zone is UTC by another name.
func IsUTC(zone string) bool {
	switch strings.ToUpper(zone) {
	case "UTC", "ETC/UTC", "GMT", "ZULU", "ETC/GMT", "UCT", "ETC/UCT", "UNIVERSAL", "ETC/UNIVERSAL", "ETC/ZULU":
		return true
	}
	return false
}

// HasCasts says whether the reviewer knows a type's casts.
func HasCasts(n string) bool { return CastGroup(n) != "" }

// CastGroup puts types together that have assignment casts among them.
func CastGroup(n string) string {
	switch n {
	case "int2", "int4", "int8", "numeric", "float4", "float8":
		return "number"
	case "text", "varchar", "bpchar":
		return "text"
	case "timestamp", "timestamptz", "date":
		return "time"
	case "bool", "uuid", "json", "jsonb", "bytea", "varbit", "bit", "interval":
		return n
	case "inet", "cidr":
		return "inet"
	case "time", "timetz":
		return "clock"
	}
	return ""
}

// Assignable says whether a value of one type becomes one of the other without USING.
func Assignable(from, to Type) bool {
	a, b := CastGroup(from.Name), CastGroup(to.Name)
	switch a + ">" + b {
	case "json>jsonb", "jsonb>json", "varbit>bit", "bit>varbit", "clock>interval", "interval>clock":
		return true
	}
	return a == b || b == "text" || a == "time" && b == "clock" && from.Name != "date"
}

// Facts are what the constraints of a column definition amount to.
type Facts struct {
	NotNull, Identity, Generated bool
	Def                          *pg.Node
	Constraints                  []*pg.Constraint
}

// FactsOf reads a column definition.
func FactsOf(c *pg.ColumnDef) Facts {
	f := Facts{NotNull: c.GetIsNotNull(), Def: c.GetRawDefault()}
	for _, n := range c.GetConstraints() {
		k := n.GetConstraint()
		f.Constraints = append(f.Constraints, k)
		switch k.GetContype() {
		case pg.ConstrType_CONSTR_NOTNULL, pg.ConstrType_CONSTR_PRIMARY:
			f.NotNull = true
		case pg.ConstrType_CONSTR_IDENTITY:
			f.Identity = true
		case pg.ConstrType_CONSTR_GENERATED:
			f.Generated = true
		case pg.ConstrType_CONSTR_DEFAULT:
			f.Def = k.GetRawExpr()
			if f.Def.GetAConst().GetIsnull() {
				f.Def = nil
			}
		}
	}
	return f
}

// Serial says whether the type stands for an integer with a sequence.
func (f Facts) Serial(t Type) bool {
	switch t.Name {
	case "serial", "bigserial", "smallserial", "serial4", "serial8", "serial2":
		return true
	}
	return false
}

// Filled says whether rows that exist get a value.
func (f Facts) Filled(t Type) bool {
	return f.Def != nil || f.Identity || f.Generated || f.Serial(t)
}
