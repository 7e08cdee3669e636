package sqlreview

import ()

func column(n, typ string, notNull, hasDefault bool) Column {
	return Column{Name: n, Type: typ, NotNull: notNull, HasDefault: hasDefault}
}

// baseCatalog is testdata/cases/base_schema.sql.txt as a catalog value.
func baseCatalog() *Catalog {
	return &Catalog{
		Schema: CatalogSchema, ServerVersion: 150018, SearchPath: []string{"public"},
		Functions: []Function{{Schema: "public", Name: "customer_label", Volatility: "v"}},
		Enums:     []Enum{{Schema: "public", Name: "order_state", Labels: []string{"open", "closed"}}},
		Tables: []Table{
			{Schema: "public", Name: "customers", Kind: KindTable, Rows: 500, Columns: []Column{
				column("id", "bigint", true, true), column("email", "text", false, false),
				column("name", "character varying(100)", false, false),
				column("status", "character varying(20)", true, true),
				column("created_at", "timestamp without time zone", true, true),
				column("balance", "numeric(10,2)", false, false), column("phone", "character varying(20)", false,
					false)},
				Indexes: []Index{{Name: "customers_pkey", Columns: []string{"id"}, Unique: true, Valid: true,
					Primary: true, Constraint: true}}},
			{Schema: "public", Name: "orders", Kind: KindTable, Rows: 1000, Columns: []Column{
				column("id", "bigint", true, false), column("customer_id", "bigint", false, false),
				column("total", "integer", true, false),
				column("state", "text", false, false), column("placed_at", "timestamp with time zone", false, true),
				column("legacy_code", "text", false, false), column("meta", "json", false, false)},
				Checks: []Check{{Name: "orders_total_positive", Expression: "(total > 0)",
					Columns: []string{"total"}}},
				Indexes: []Index{{Name: "orders_pkey", Columns: []string{"id"}, Unique: true, Valid: true,
					Primary: true, Constraint: true}, {Name: "orders_state_idx", Columns: []string{"state"},
					Unique: false, Valid: true}}},
			{Schema: "public", Name: "tickets", Kind: KindTable, Columns: []Column{column("id", "integer", true, false),
				column("st", "order_state", false, false)}},
			{Schema: "public", Name: "events", Kind: KindPartitioned,
				Columns: []Column{column("kind", "text", false, false), column("at", "timestamp with time zone", true,
					false)}},
			{Schema: "public", Name: "events_2026", Kind: KindTable, Partition: true,
				Parents: []Ref{{Schema: "public", Name: "events"}},
				Columns: []Column{column("kind", "text", false, false), column("at", "timestamp with time zone", true,
					false)}},
			{Schema: "public", Name: "loose_events", Kind: KindTable,
				Columns: []Column{column("kind", "text", false, false), column("at", "timestamp with time zone", true,
					false)}},
			{Schema: "public", Name: "Users", Kind: KindTable, Columns: []Column{column("Id", "uuid", true, true),
				column("Email", "text", false, false), column("UserName", "character varying(256)", false, false)}},
			{Schema: "public", Name: "__EFMigrationsHistory", Kind: KindTable,
				Columns: []Column{column("MigrationId", "character varying(150)", true, false),
					column("ProductVersion", "character varying(32)", true, false)}},
			{Schema: "public", Name: "audit_log", Kind: KindTable,
				Columns: []Column{column("msg", "text", false, false)}},
			{Schema: "public", Name: "active_customers", Kind: KindView,
				Columns: []Column{column("id", "bigint", false, false), column("email", "text", false, false)}},
			{Schema: "public", Name: "customer_totals", Kind: KindMatView,
				Columns: []Column{column("customer_id", "bigint", false, false), column("s", "bigint", false, false)},
				Indexes: []Index{{Name: "customer_totals_u", Columns: []string{"customer_id"}, Unique: true,
					Valid: true}}},
			{Schema: "reporting", Name: "daily", Kind: KindTable, Columns: []Column{column("d", "date", false, false)}},
		},
	}
}
