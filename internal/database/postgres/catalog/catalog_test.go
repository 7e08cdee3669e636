//go:build postgres

package catalog

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"fairlead/internal/apply"
	"fairlead/internal/config"
	"fairlead/internal/database/postgres/applier"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/sqlreview"
)

const catalogSchema = `
CREATE SCHEMA sales; CREATE SCHEMA fairlead; CREATE TABLE fairlead.markers(i int);
CREATE TYPE sales."State" AS ENUM ('open', 'closed');
CREATE DOMAIN sales.positive AS int CHECK (VALUE > 0);
CREATE DOMAIN plain AS text;
CREATE TABLE sales.customers(id bigserial PRIMARY KEY, email varchar(80) NOT NULL, state sales."State" DEFAULT 'open', n
sales.positive, twice int GENERATED ALWAYS AS (1 + 1) STORED,
	CONSTRAINT has_email CHECK (email IS NOT NULL AND email <> ''));
CREATE UNIQUE INDEX customers_lower ON sales.customers (lower(email), id) WHERE n > 3;
CREATE TABLE orders(id int PRIMARY KEY, customer bigint, at date);
ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES sales.customers(id) NOT VALID;
CREATE TABLE log(at date, m text) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO log SELECT '2026-01-05', 'secret-value' FROM generate_series(1, 300);
CREATE VIEW who AS SELECT id, email FROM sales.customers;
CREATE MATERIALIZED VIEW whose AS SELECT id FROM who;
CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION same(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i';
CREATE TRIGGER bumps BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION bump();
ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON orders USING (true);
CREATE TABLE "__EFMigrationsHistory" ("MigrationId" varchar(150) PRIMARY KEY, "ProductVersion" varchar(32) NOT NULL);
INSERT INTO "__EFMigrationsHistory" VALUES ('2_b', '9'), ('1_a', '9');
ANALYZE log_1; ANALYZE log_2; ANALYZE sales.customers;`

func find(t *testing.T, c *sqlreview.Catalog, schema, name string) sqlreview.Table {
	t.Helper()
	for _, x := range c.Tables {
		if x.Schema == schema && x.Name == name {
			return x
		}
	}
	t.Fatalf("there is no %s.%s in the catalog", schema, name)
	return sqlreview.Table{}
}

func TestCatalog_holds_what_the_reviewer_asks_for_and_no_row(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, catalogSchema)
	c, err := opened(t, url).Catalog(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	asJSON := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	customers := find(t, c, "sales", "customers")
	for what, x := range map[string][2]string{
		"columns": {asJSON(customers.Columns), `[{"name":"id","type":"bigint","not_null":true,"has_default":true},` +
			`{"name":"email","type":"character varying(80)","not_null":true},` +
			`{"name":"state","type":"sales.\"State\"","has_default":true},{"name":"n","type":"sales.positive"},` +
			`{"name":"twice","type":"integer","has_default":true,"generated":true}]`},
		"checks": {asJSON(customers.Checks), `[{"name":"has_email",` +
			`"expression":"((email IS NOT NULL) AND ((email)::text \u003c\u003e ''::text))","valid":true,` +
			`"columns":["email"]}]`},
		"indexes": {asJSON(customers.Indexes), `[{"name":"customers_lower","columns":["","id"],"unique":true,` +
			`"valid":true,"partial":true,"depends":["email","n"]},` +
			`{"name":"customers_pkey","columns":["id"],"unique":true,"valid":true,"primary":true,"constraint":true}]`},
		"keys": {asJSON(find(t, c, "public", "orders").ForeignKeys),
			`[{"name":"orders_customer","columns":["customer"],"target":{"schema":"sales","name":"customers"},` +
				`"references":["id"],"valid":false}]`},
		"triggers": {asJSON(find(t, c, "public", "orders").Triggers),
			`[{"name":"bumps","function":{"schema":"public","name":"bump"},"enabled":true}]`},
		"parents": {asJSON(find(t, c, "public", "log_1").Parents), `[{"schema":"public","name":"log"}]`},
		"uses": {asJSON(find(t, c, "public", "who").Uses),
			`[{"schema":"sales","table":"customers","column":"email"},{"schema":"sales","table":"customers",` +
				`"column":"id"}]`},
		"enums": {asJSON(c.Enums), `[{"schema":"sales","name":"State","labels":["open","closed"]}]`},
		"domains": {asJSON(c.Domains), `[{"schema":"public","name":"plain","base":"text","constrained":false},` +
			`{"schema":"sales","name":"positive","base":"integer","constrained":true,` +
			`"checks":[{"name":"positive_check","expression":"(VALUE \u003e 0)","valid":true}]}]`},
		"functions": {asJSON(c.Functions), `[{"schema":"public","name":"bump","volatility":"v"},` +
			`{"schema":"public","name":"same","volatility":"i"}]`},
		"histories": {asJSON(c.Histories), `[{"schema":"public","table":"__EFMigrationsHistory","applied":["1_a",` +
			`"2_b"]}]`},
		"extensions": {asJSON(c.Extensions), `["plpgsql"]`},
		"path":       {asJSON(c.SearchPath), `["public"]`},
	} {
		if x[0] != x[1] {
			t.Errorf("%s\n got %s\nwant %s", what, x[0], x[1])
		}
	}
	if o := find(t, c, "public", "orders"); !o.Security || o.Policies != 1 || o.Rows != -1 {
		t.Errorf("orders: row security %v, policies %d, rows %d; want true, 1, -1 (never analyzed)", o.Security,
			o.Policies, o.Rows)
	}
	if l := find(t, c, "public", "log"); l.Rows != 300 || l.Kind != sqlreview.KindPartitioned {
		t.Errorf("log is %s with %d rows, want partitioned with the 300 of its partitions", l.Kind, l.Rows)
	}
	if customers.Rows != 0 {
		t.Errorf("customers was analyzed while empty: rows are %d", customers.Rows)
	}
	if all := asJSON(c); strings.Contains(all, "secret-value") || strings.Contains(all, "markers") {
		t.Error("the catalog holds a row's value, or fairlead's own schema")
	}
}

func TestCatalog_is_the_same_for_a_role_without_any_privilege(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, catalogSchema, `DROP TABLE "__EFMigrationsHistory"`, "DROP ROLE IF EXISTS stranger",
		"CREATE ROLE stranger LOGIN PASSWORD '"+servertest.Password+"'")
	t.Cleanup(func() { servertest.Admin(t, servertest.Server.URL("owner", "postgres"), "DROP ROLE stranger") })
	first, err := opened(t, url).Catalog(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	second, err := opened(t, strings.Replace(url, "//owner:", "//stranger:", 1)).Catalog(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	second.SearchPath = first.SearchPath
	a, _ := json.Marshal(first)
	b, _ := json.Marshal(second)
	if string(a) != string(b) {
		t.Errorf("owner sees\n%s\nstranger sees\n%s", a, b)
	}
}

func TestCatalog_of_the_labelled_cases_decides_them(t *testing.T) {
	base, err := os.ReadFile("../../../sqlreview/testdata/cases/base_schema.sql.txt")
	if err != nil {
		t.Fatal(err)
	}
	url := servertest.Fresh(t)
	servertest.Admin(t, url, string(base))
	c, err := opened(t, url).Catalog(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c.TimeZone = "" // of the release's session, which is not known
	table, err := os.ReadFile("../../../sqlreview/testdata/cases/cases.tsv")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n")[1:] {
		f := strings.Split(line, "\t")
		sql, err := os.ReadFile("../../../sqlreview/testdata/cases/" + f[0])
		if err != nil {
			t.Fatal(err)
		}
		r := sqlreview.Review(sqlreview.Input{Files: []sqlreview.File{{Name: f[0], SQL: sql}}, Catalog: c,
			Policy: sqlreview.Policy{AssumeRows: 10_000_000}})
		seen[f[1]]++
		if blocks := r.Verdict == sqlreview.Block; f[1] != "warn" && blocks != (f[1] == "unsafe") {
			t.Errorf("%s is %s, and the verdict is %s", f[0], f[1], r.Verdict)
		}
	}
	if seen["unsafe"] < 30 || seen["safe"] < 20 {
		t.Errorf("only %v cases were looked at", seen)
	}
}

func TestCatalog_does_not_wait_for_locks(t *testing.T) {
	url := servertest.Fresh(t)
	servertest.Admin(t, url, "CREATE TABLE a(i int)")
	d := opened(t, url, func(c *server.Config) { c.URL = config.NewSecret(url) })
	tx, err := applier.New(d.server).Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if err := tx.Exec(context.Background(), apply.Query{SQL: "LOCK TABLE a"}); err != nil {
		t.Fatal(err)
	}
	c, err := d.Catalog(context.Background())
	if err != nil || !slices.ContainsFunc(c.Tables, func(t sqlreview.Table) bool { return t.Name == "a" }) {
		t.Errorf("behind a lock the catalog is %v, %v", c, err)
	}
}
