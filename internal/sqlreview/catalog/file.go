package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

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
