package apply

import (
	"fmt"
	"sort"
	"strings"

	"fairlead/internal/sqltext"
)

// query announces a statement, as "statement 3 of 12, line 40: CREATE INDEX", and makes what is heard while it runs
// follow those words.
func (m *machine) query(st *sqltext.Statement, sql string) Query {
	label := fmt.Sprintf("statement %d of %d, line %d: %s", m.ordinal(st), m.before[len(m.Units)], st.Line, st.Kind)
	m.say(label)
	return Query{SQL: sql, Progress: func(text string) { m.say(label + ": " + text) }}
}

func (m *machine) say(text string) { m.Say(m.result.Applied, len(m.Units), text) }

// Waits tells whether a text that was said is about somebody who is in the way: worth a line of its own, for it is said
// once.
func Waits(text string) bool {
	return strings.Contains(text, ": waits for pid ") || strings.HasPrefix(text, "attempt ")
}

// ordinal counts from one, over the statements of all units. BEGIN and COMMIT of the file do not count: they are not
// sent.
func (m *machine) ordinal(st *sqltext.Statement) int {
	u := sort.Search(len(m.Units), func(i int) bool { return first(m.Units[i]) > st.Index }) - 1
	if u < 0 {
		return 0
	}
	return m.before[u] + st.Index - first(m.Units[u]) + 1
}

func first(u sqltext.Unit) int {
	if len(u.Statements) == 0 {
		return 0
	}
	return u.Statements[0].Index
}

// statementsBefore gives how many statements stand before each unit, and at the end how many there are.
func statementsBefore(units []sqltext.Unit) []int {
	all := []int{0}
	for i, u := range units {
		all = append(all, all[i]+len(u.Statements))
	}
	return all
}
