package sqlreview

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// sqlType is a type with its modifiers, under PostgreSQL's internal name.
type sqlType struct {
	name  string
	mods  []int
	array bool
}

// typeOf reads a type as the grammar gives it.
func typeOf(t *pg.TypeName) sqlType {
	out := sqlType{array: len(t.GetArrayBounds()) > 0}
	for _, n := range t.GetNames() {
		out.name = n.GetString_().GetSval()
	}
	for _, m := range t.GetTypmods() {
		if c := m.GetAConst(); c != nil {
			out.mods = append(out.mods, int(c.GetIval().GetIval()))
		}
	}
	return out
}

// parseType reads a type as format_type prints it.
func parseType(s string) sqlType {
	out := sqlType{}
	s, out.array = strings.CutSuffix(s, "[]")
	if open, end := strings.IndexByte(s, '('), strings.IndexByte(s, ')'); open >= 0 && end > open {
		for _, m := range strings.Split(s[open+1:end], ",") {
			v, _ := strconv.Atoi(strings.TrimSpace(m))
			out.mods = append(out.mods, v)
		}
		s = s[:open] + s[end+1:]
	}
	s = strings.Join(strings.Fields(s), " ")
	internal := map[string]string{
		"character varying": "varchar", "character": "bpchar", "integer": "int4", "bigint": "int8", "smallint": "int2", "boolean": "bool",
		"timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp", "time without time zone": "time",
		"time with time zone": "timetz", "double precision": "float8", "real": "float4", "bit varying": "varbit", "decimal": "numeric",
	}
	out.name = s
	if i, ok := internal[s]; ok {
		out.name = i
	}
	if i := strings.LastIndexByte(out.name, '.'); i >= 0 {
		out.name = out.name[i+1:]
	}
	return out
}

// change says what ALTER COLUMN TYPE does: "none" (nothing at all), "zone" (no
// rewrite when the session's zone is UTC) or "rewrite".
func change(from, to sqlType) string {
	if from.array != to.array {
		return "rewrite"
	}
	if from.name == to.name {
		if widens(from, to) {
			return "none"
		}
		return "rewrite"
	}
	switch from.name + ">" + to.name {
	case "varchar>text", "cidr>inet":
		return "none"
	case "text>varchar":
		if len(to.mods) == 0 {
			return "none"
		}
	case "timestamp>timestamptz", "timestamptz>timestamp":
		if len(to.mods) == 0 || to.mods[0] >= 6 {
			return "zone"
		}
	}
	return "rewrite"
}

func widens(from, to sqlType) bool {
	if len(to.mods) == 0 {
		return from.name != "bpchar" || len(from.mods) == 0
	}
	if len(from.mods) == 0 {
		return false
	}
	switch from.name {
	case "varchar", "varbit", "timestamp", "timestamptz", "time", "timetz", "interval":
		return to.mods[0] >= from.mods[0]
	case "numeric":
		return to.mods[0] >= from.mods[0] && scale(to) == scale(from)
	}
	return len(from.mods) == len(to.mods) && from.mods[0] == to.mods[0]
}

func scale(t sqlType) int {
	if len(t.mods) > 1 {
		return t.mods[1]
	}
	return 0
}

func utc(zone string) bool {
	switch strings.ToUpper(zone) {
	case "UTC", "ETC/UTC", "GMT", "ZULU", "ETC/GMT", "UCT", "ETC/UCT", "UNIVERSAL", "ETC/UNIVERSAL", "ETC/ZULU":
		return true
	}
	return false
}

// builtin says whether the reviewer knows a type's casts.
func builtin(n string) bool { return castGroup(n) != "" }

// castGroup puts types together that have assignment casts among them.
func castGroup(n string) string {
	switch n {
	case "int2", "int4", "int8", "numeric", "float4", "float8":
		return "number"
	case "text", "varchar", "bpchar":
		return "text"
	case "timestamp", "timestamptz", "date":
		return "time"
	case "bool", "uuid", "json", "jsonb", "bytea", "varbit", "bit":
		return n
	case "inet", "cidr":
		return "inet"
	case "time", "timetz":
		return "clock"
	case "interval":
		return n
	}
	return ""
}

// assignable says whether a value of one type becomes one of the other without USING.
func assignable(from, to sqlType) bool {
	a, b := castGroup(from.name), castGroup(to.name)
	return a == b || b == "text" || a == "json" && b == "jsonb" || a == "jsonb" && b == "json" || a == "varbit" && b == "bit" || a == "bit" && b == "varbit" ||
		a == "time" && b == "clock" && from.name != "date" || a == "clock" && b == "interval" || a == "interval" && b == "clock"
}
