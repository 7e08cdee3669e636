package configtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"fairlead/internal/config"
)

// node is what the reference needs of a JSON schema.
type node struct {
	Type        string          `json:"type"`
	Description string          `json:"description"`
	Comment     string          `json:"$comment"`
	Default     any             `json:"default"`
	Enum        []string        `json:"enum"`
	Const       string          `json:"const"`
	Pattern     string          `json:"pattern"`
	Required    []string        `json:"required"`
	Properties  map[string]node `json:"properties"`
	Items       *node           `json:"items"`
	OneOf       []node          `json:"oneOf"`
	Additional  json.RawMessage `json:"additionalProperties"`
}

// Reference writes the tables of all keys as Markdown, from the schema.
func Reference() (string, error) {
	raw, err := Schema(Owners(), Comments)
	if err != nil {
		return "", err
	}
	var root node
	if err := json.Unmarshal(raw, &root); err != nil {
		return "", fmt.Errorf("read schema: %w", err)
	}
	var b strings.Builder
	table(&b, "The file", root, topKeys())
	for _, k := range topKeys() {
		section(&b, k, root.Properties[k])
	}
	return b.String(), nil
}

// topKeys gives the keys in the order of the struct.
func topKeys() []string {
	var all []string
	t := reflect.TypeFor[config.Config]()
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" {
			all = append(all, name)
		}
	}
	return all
}

// section writes a key's own table and those of what stands below it.
func section(b *strings.Builder, name string, n node) {
	var inner node
	switch {
	case len(n.OneOf) > 0:
		for _, one := range n.OneOf {
			section(b, name, one)
		}
		return
	case n.Items != nil:
		section(b, name+"[]", *n.Items)
		return
	case json.Unmarshal(n.Additional, &inner) == nil && inner.Type == "object":
		section(b, name+".NAME", inner)
		return
	case len(n.Properties) == 0:
		return
	}
	keys := sorted(n)
	title := name
	if kind := n.Properties["kind"].Const; kind != "" {
		title += ", kind " + kind
	}
	table(b, "`"+title+"`", n, keys)
	for _, k := range keys {
		section(b, name+"."+k, n.Properties[k])
	}
}

// sorted gives required keys first, kind before all.
func sorted(n node) []string {
	var all []string
	for k := range n.Properties {
		all = append(all, k)
	}
	rank := func(k string) int {
		switch {
		case k == "kind":
			return 0
		case slices.Contains(n.Required, k):
			return 1
		}
		return 2
	}
	slices.SortFunc(all, func(x, y string) int {
		if r := rank(x) - rank(y); r != 0 {
			return r
		}
		return strings.Compare(x, y)
	})
	return all
}

func table(b *strings.Builder, title string, n node, keys []string) {
	fmt.Fprintf(b, "### %s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", title)
	for _, k := range keys {
		p := n.Properties[k]
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k, kindOf(p), defaultOf(p, slices.Contains(n.Required, k)),
			strings.ReplaceAll(p.Description, "|", `\|`))
	}
	b.WriteString("\n")
}

func kindOf(n node) string {
	switch {
	case n.Const != "":
		return "`" + n.Const + "`"
	case len(n.Enum) > 0:
		return "`" + strings.Join(n.Enum, "` or `") + "`"
	case n.Pattern != "":
		return "time, like `10s`"
	case n.Comment != "":
		return "text with `${NAME}`"
	case n.Items != nil:
		return "list"
	case n.Type == "string":
		return "text"
	case n.Type == "integer":
		return "number"
	case n.Type == "boolean":
		return "`true` or `false`"
	}
	return "keys, below"
}

func defaultOf(n node, required bool) string {
	switch {
	case required:
		return "**required**"
	case n.Default == nil:
		return ""
	}
	if list, ok := n.Default.([]any); ok {
		var all []string
		for _, v := range list {
			all = append(all, fmt.Sprint(v))
		}
		return "`[" + strings.Join(all, ", ") + "]`"
	}
	return fmt.Sprintf("`%v`", n.Default)
}
