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
		if len(to.mods) == 0 {
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
