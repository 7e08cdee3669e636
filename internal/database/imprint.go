package database

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// An Imprinter takes the imprint of a database, and tells when sessions that others opened since a moment are gone.
// Both change nothing.
//
// OtherSessions gives the sessions of other clients in this database that were opened after a moment of the server's
// clock; only once there is none does a later imprint hold everything that they did.
type Imprinter interface {
	Imprint(ctx context.Context) (Imprint, error)
	OtherSessions(ctx context.Context, since time.Time) ([]string, error)
}

// An Imprint is everything of a database that a migration could change, in figures. Two equal ones prove that nothing
// was changed in between, except roles, user mappings, subscriptions, what is in large objects and the positions of
// sequences, which are not in it.
type Imprint struct {
	At       time.Time         `json:"at"` // the server's clock
	System   string            `json:"system"`
	Timeline int64             `json:"timeline"`
	Database string            `json:"database"`
	Catalog  map[string]string `json:"catalog"` // what kind of object to a sum over all of that kind
	// table to the rows ever inserted, updated and deleted in it
	Written   map[string]int64    `json:"written"`
	Histories map[string][]string `json:"histories,omitempty"` // table of a migration tool to its entries
}

// Differs says in one sentence what changed from i to later, or "" for nothing.
func (i Imprint) Differs(later Imprint) string {
	if i.System != later.System || i.Timeline != later.Timeline || i.Database != later.Database {
		return "it is another server, or another history of it"
	}
	var all []string
	if k := changed(i.Catalog, later.Catalog); len(k) > 0 {
		all = append(all, "the schema changed ("+few(k)+")")
	}
	if k := changed(i.Written, later.Written); len(k) > 0 {
		all = append(all, "rows were written in "+few(k))
	}
	return strings.Join(all, "; ")
}

// Entries lists what came into the histories of migration tools, and what went, as "table: +entry".
func (i Imprint) Entries(later Imprint) []string {
	var all []string
	tables := slices.Sorted(maps.Keys(later.Histories))
	for _, t := range slices.Sorted(maps.Keys(i.Histories)) {
		if _, ok := later.Histories[t]; !ok {
			tables = append(tables, t)
		}
	}
	for _, t := range tables {
		for _, e := range without(later.Histories[t], i.Histories[t]) {
			all = append(all, t+": +"+e)
		}
		for _, e := range without(i.Histories[t], later.Histories[t]) {
			all = append(all, t+": -"+e)
		}
	}
	return all
}

func without(all, known []string) []string {
	seen := map[string]bool{}
	for _, k := range known {
		seen[k] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(e string) bool { return seen[e] })
}

func changed[V comparable](a, b map[string]V) []string {
	var all []string
	for k, v := range b {
		if w, ok := a[k]; !ok || w != v {
			all = append(all, k)
		}
	}
	for k := range a {
		if _, ok := b[k]; !ok {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	return all
}

func few(all []string) string {
	const most = 5
	if len(all) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}
