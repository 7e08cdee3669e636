package catalog

import "slices"

// Trigger gives the trigger of that name, or nil; of a nil table, too.
func (t *Table) Trigger(n string) *Trigger {
	return find(t, func(t *Table) []Trigger { return t.Triggers }, func(x *Trigger) bool { return x.Name == n })
}

// RenameConstraint follows the new name of a constraint, also of its index.
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

// Column gives the column of that name, or nil; of a nil table, too.
func (t *Table) Column(n string) *Column {
	return find(t, func(t *Table) []Column { return t.Columns }, func(x *Column) bool { return x.Name == n })
}

// Clone gives a copy that can be changed.
func (t *Table) Clone() *Table {
	c := *t
	c.Columns, c.Checks, c.Indexes = slices.Clone(t.Columns), slices.Clone(t.Checks), slices.Clone(t.Indexes)
	c.ForeignKeys, c.Triggers = slices.Clone(t.ForeignKeys), slices.Clone(t.Triggers)
	c.Parents, c.Uses = slices.Clone(t.Parents), slices.Clone(t.Uses)
	return &c
}

// Require makes columns NOT NULL.
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

// Index gives the index of that name, or nil; of a nil table, too.
func (t *Table) Index(n string) *Index {
	return find(t, func(t *Table) []Index { return t.Indexes }, func(x *Index) bool { return x.Name == n })
}

// Primary gives the primary key, or nil; of a nil table, too.
func (t *Table) Primary() *Index {
	return find(t, func(t *Table) []Index { return t.Indexes }, func(x *Index) bool { return x.Primary })
}

// Check gives the CHECK of that name, or nil; of a nil table, too.
func (t *Table) Check(n string) *Check {
	return find(t, func(t *Table) []Check { return t.Checks }, func(x *Check) bool { return x.Name == n })
}

// ForeignKey gives the foreign key of that name, or nil; of a nil table, too.
func (t *Table) ForeignKey(n string) *ForeignKey {
	return find(t, func(t *Table) []ForeignKey { return t.ForeignKeys },
		func(x *ForeignKey) bool { return x.Name == n })
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
	t.Indexes = slices.DeleteFunc(t.Indexes, func(x Index) bool {
		return slices.Contains(x.Columns, n) ||
			slices.Contains(x.Depends, n)
	})
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

// find gives the first part of a table that is looked for, or nil.
func find[T any](t *Table, parts func(*Table) []T, is func(*T) bool) *T {
	if t == nil {
		return nil
	}
	all := parts(t)
	for i := range all {
		if is(&all[i]) {
			return &all[i]
		}
	}
	return nil
}
