package catalog

import (
	"slices"
)

func (t *Table) Trigger(n string) *Trigger {
	if t == nil {
		return nil
	}
	for i := range t.Triggers {
		if t.Triggers[i].Name == n {
			return &t.Triggers[i]
		}
	}
	return nil
}

func (t *Table) RenameConstraint(from, to string) {
	if c := t.Check(from); c != nil {
		c.Name = to
	}
	if k := t.ForeignKey(from); k != nil {
		k.Name = to
	}
	if x := t.Index(from); x != nil {
		x.Name = to
	}
}

func (t *Table) Column(column string) *Column {
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

func (t *Table) Clone() *Table {
	c := *t
	c.Columns, c.Checks, c.Indexes = slices.Clone(t.Columns), slices.Clone(t.Checks), slices.Clone(t.Indexes)
	c.ForeignKeys, c.Triggers = slices.Clone(t.ForeignKeys), slices.Clone(t.Triggers)
	c.Parents, c.Uses = slices.Clone(t.Parents), slices.Clone(t.Uses)
	return &c
}

func (t *Table) Require(columns []string) {
	for i := range t.Columns {
		if slices.Contains(columns, t.Columns[i].Name) {
			t.Columns[i].NotNull = true
		}
	}
}

// Constrained says whether a constraint (or its index) has that name.
func (t *Table) Constrained(n string) bool {
	if t == nil {
		return false
	}
	return slices.ContainsFunc(t.Checks, func(c Check) bool { return c.Name == n }) ||
		slices.ContainsFunc(t.ForeignKeys, func(k ForeignKey) bool { return k.Name == n }) ||
		slices.ContainsFunc(t.Indexes, func(x Index) bool { return x.Name == n && x.Constraint })
}

func (t *Table) Index(n string) *Index {
	if t == nil {
		return nil
	}
	for i := range t.Indexes {
		if t.Indexes[i].Name == n {
			return &t.Indexes[i]
		}
	}
	return nil
}

func (t *Table) Primary() *Index {
	if t == nil {
		return nil
	}
	for i := range t.Indexes {
		if t.Indexes[i].Primary {
			return &t.Indexes[i]
		}
	}
	return nil
}

func (t *Table) Check(n string) *Check {
	if t == nil {
		return nil
	}
	for i := range t.Checks {
		if t.Checks[i].Name == n {
			return &t.Checks[i]
		}
	}
	return nil
}

func (t *Table) ForeignKey(n string) *ForeignKey {
	if t == nil {
		return nil
	}
	for i := range t.ForeignKeys {
		if t.ForeignKeys[i].Name == n {
			return &t.ForeignKeys[i]
		}
	}
	return nil
}

// DropConstraint forgets a constraint and its index.
func (t *Table) DropConstraint(n string) {
	t.Checks = slices.DeleteFunc(t.Checks, func(c Check) bool { return c.Name == n })
	t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(k ForeignKey) bool { return k.Name == n })
	t.Indexes = slices.DeleteFunc(t.Indexes, func(x Index) bool { return x.Name == n && x.Constraint })
}

// DropColumn forgets a column, and with it what is built on it.
func (t *Table) DropColumn(n string) {
	t.Columns = slices.DeleteFunc(t.Columns, func(c Column) bool { return c.Name == n })
	t.Checks = slices.DeleteFunc(t.Checks, func(c Check) bool { return slices.Contains(c.Columns, n) })
	t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(k ForeignKey) bool { return slices.Contains(k.Columns, n) })
	t.Indexes = slices.DeleteFunc(t.Indexes, func(x Index) bool { return slices.Contains(x.Columns, n) || slices.Contains(x.Depends, n) })
}

// RenameColumn follows a new name everywhere.
func (t *Table) RenameColumn(from, to string) {
	swap := func(all []string) []string {
		out := slices.Clone(all)
		for i := range out {
			if out[i] == from {
				out[i] = to
			}
		}
		return out
	}
	for i := range t.Columns {
		if t.Columns[i].Name == from {
			t.Columns[i].Name = to
		}
	}
	for i := range t.Checks {
		t.Checks[i].Columns = swap(t.Checks[i].Columns)
	}
	for i := range t.Indexes {
		t.Indexes[i].Columns, t.Indexes[i].Depends = swap(t.Indexes[i].Columns), swap(t.Indexes[i].Depends)
	}
	for i := range t.ForeignKeys {
		t.ForeignKeys[i].Columns = swap(t.ForeignKeys[i].Columns)
	}
}
