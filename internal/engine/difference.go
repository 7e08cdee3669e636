package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Difference says in one line how two terms differ, field by field, by their names in the plan file.
func Difference(was, is Terms) string {
	a, b := fields(was), fields(is)
	var all []string
	for _, k := range slices.Sorted(maps.Keys(a)) {
		if a[k] != b[k] {
			all = append(all, fmt.Sprintf("%s was %s, is %s", k, a[k], b[k]))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[k]; !ok {
			all = append(all, fmt.Sprintf("%s is %s", k, b[k]))
		}
	}
	return strings.Join(all, "; ")
}

func fields(t Terms) map[string]string {
	var raw map[string]json.RawMessage
	// our own encoding of our own struct
	_ = json.Unmarshal(encode(t), &raw)
	out := map[string]string{}
	for k, v := range raw {
		out[k] = string(v)
	}
	return out
}
