package server

import (
	"fmt"
	"strconv"
	"strings"

	"fairlead/internal/fault"
)

// Shortened puts a statement on one line and cuts it.
func Shortened(sql string, most int) string {
	return fault.Clip(strings.Join(strings.Fields(sql), " "), most)
}

// LeadingNumber gives the number with which a text begins, 0 for none.
func LeadingNumber(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}

// Megabytes shows bytes.
func Megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

// Literal quotes text for a statement that takes no parameters, whatever standard_conforming_strings says.
func Literal(s string) string {
	return " E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}
