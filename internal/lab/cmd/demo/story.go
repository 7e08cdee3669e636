package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead/internal/lab"
)

// A chapter publishes a release, types commands and asks the world.
type chapter struct {
	title   string
	says    string
	release *lab.Release
	lines   []line
	facts   []fact
}

// A line is one command and the exit status that it must have.
type line struct {
	args []string
	exit int
}

// A fact is a claim, what the world says and what it must say.
type fact struct {
	claim string
	look  func(context.Context, *demo) (string, error)
	want  func(*demo) string
}

func fairlead(exit int, args ...string) line { return line{args: args, exit: exit} }

// runs claims that every container runs the digest of that release.
func runs(tag string) fact {
	return fact{claim: "every container runs the digests of " + tag,
		look: func(ctx context.Context, d *demo) (string, error) {
			all, err := d.RunningDigests(ctx)
			var out []string
			for _, service := range slices.Sorted(maps.Keys(all)) {
				out = append(out, service+" "+strings.Join(all[service], " "))
			}
			return strings.Join(out, "\n"), err
		},
		want: func(d *demo) string {
			var out []string
			for _, service := range slices.Sorted(maps.Keys(d.published[tag].Images)) {
				out = append(out, service+" "+d.published[tag].Images[service])
			}
			return strings.Join(out, "\n")
		}}
}

// rows claims what a query gives.
func rows(claim, sql, want string) fact {
	return fact{claim: claim,
		look: func(ctx context.Context, d *demo) (string, error) {
			all, err := d.Rows(ctx, sql)
			return fmt.Sprint(all), err
		},
		want: func(*demo) string { return want }}
}

const (
	first = `CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text NOT NULL,
	placed timestamptz NOT NULL DEFAULT now());
INSERT INTO orders (customer) SELECT 'customer ' || n FROM generate_series(1, 1000) n;
`
	second = `CREATE TABLE invoices (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id bigint NOT NULL,
	cents bigint NOT NULL);
ALTER TABLE orders ADD COLUMN note text;
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_customer ON orders (customer);
`
	third  = "ALTER TABLE orders DROP COLUMN customer;\n"
	fourth = "ALTER TABLE invoices ADD COLUMN paid timestamptz;\n"
)

const column = "SELECT count(*) FROM information_schema.columns WHERE table_name = '%s' AND column_name = '%s'"

// chapters is the story.
var chapters = []chapter{
	{
		title:   "v1.0.0, a first deployment",
		says:    "Nothing runs yet. The migration makes a table with a thousand rows.",
		release: &lab.Release{Tag: "v1.0.0", MigrationSQL: first},
		lines:   []line{fairlead(0, "deploy", "v1.0.0", "--yes")},
		facts:   []fact{runs("v1.0.0"), rows("orders has 1000 rows", "SELECT count(*) FROM orders", "[[1000]]")},
	},
	{
		title:   "v1.1.0, with a migration that is safe",
		says:    "A new table, a nullable column, an index built CONCURRENTLY.",
		release: &lab.Release{Tag: "v1.1.0", MigrationSQL: second},
		lines:   []line{fairlead(0, "deploy", "v1.1.0", "--yes")},
		facts: []fact{runs("v1.1.0"),
			rows("the index is valid", "SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_customer'::regclass",
				"[[t]]"),
			rows("the migration was applied once",
				"SELECT count(*) FROM information_schema.tables WHERE table_name = 'invoices'", "[[1]]")},
	},
	{
		title: "v1.2.0, with DROP COLUMN", says: "The image that runs now reads that column, and nothing brings the " +
			"data back. It is refused.",
		release: &lab.Release{Tag: "v1.2.0", MigrationSQL: third},
		lines:   []line{fairlead(3, "deploy", "v1.2.0", "--yes")},
		facts: []fact{runs("v1.1.0"), rows("the column is still there", fmt.Sprintf(column, "orders", "customer"),
			"[[1]]")},
	},
	{
		title:   "v1.3.0, no migration, and the api is never healthy",
		says:    "The schema is untouched, so the images go back by themselves.",
		release: &lab.Release{Tag: "v1.3.0", Behaviour: map[string]string{"api": "never-healthy"}},
		lines:   []line{fairlead(5, "deploy", "v1.3.0", "--yes")},
		facts:   []fact{runs("v1.1.0")},
	},
	{
		title: "v1.4.0, with a migration, and the api is never healthy",
		says:  "The schema has changed, so a person decides. fairlead prints the Brief and waits.",
		release: &lab.Release{Tag: "v1.4.0", MigrationSQL: fourth,
			Behaviour: map[string]string{"api": "never-healthy"}},
		lines: []line{fairlead(6, "deploy", "v1.4.0", "--yes")},
		facts: []fact{rows("the migration is in place", fmt.Sprintf(column, "invoices", "paid"), "[[1]]")},
	},
	{
		title: "The person decides: the images go back, the schema stays",
		says:  "The new column is nullable; the old version does not mind it.",
		lines: []line{fairlead(0, "rollback", "--yes")},
		facts: []fact{runs("v1.1.0"), rows("the column stays", fmt.Sprintf(column, "invoices", "paid"), "[[1]]")},
	},
	{
		title: "What the record says", says: "The ledger lies on the host; every line names the hash of the one " +
			"before.",
		lines: []line{fairlead(0, "status"), fairlead(0, "history"), fairlead(0, "ledger", "verify")},
		facts: []fact{runs("v1.1.0")},
	},
}
