package migrator

// A Shape is the table in which a tool keeps its history, and how a row of it is read. Key, State, Sum and At are SQL
// expressions of type text over its columns; State gives applied, failed or undone. Columns are those that make the
// table the tool's own.
type Shape struct {
	Table   string
	Columns []string
	Key     string
	State   string
	// Sum: "" where the tool keeps no checksum
	Sum string
	// At: "" where the tool keeps no time
	At string
	// OrderBy: the newest row of a key comes last
	OrderBy string
	// Current: the table holds only what the schema is at, not what led there
	Current bool
}

// Shape gives how the tool's history is read.
func (t Tool) Shape() Shape {
	const applied = "'applied'"
	switch t {
	case EF:
		return Shape{Table: "__EFMigrationsHistory", Columns: []string{"MigrationId", "ProductVersion"},
			Key: `"MigrationId"`, State: applied, OrderBy: `"MigrationId"`}
	case Prisma:
		return Shape{Table: "_prisma_migrations",
			Columns: []string{"checksum", "finished_at", "migration_name", "rolled_back_at", "started_at"},
			Key:     "migration_name",
			State: "CASE WHEN rolled_back_at IS NOT NULL THEN 'undone' " +
				"WHEN finished_at IS NULL THEN 'failed' ELSE 'applied' END",
			Sum: "checksum", At: stamp("coalesce(finished_at, started_at)::timestamptz"), OrderBy: "started_at"}
	case Flyway:
		return Shape{Table: "flyway_schema_history",
			Columns: []string{"installed_rank", "version", "script", "checksum", "installed_on", "success"},
			Key:     "coalesce(version, script)",
			State: "CASE WHEN NOT success THEN 'failed' " +
				"WHEN type LIKE 'UNDO%' OR type = 'DELETE' THEN 'undone' ELSE 'applied' END",
			Sum: "checksum::text", At: "to_char(installed_on, 'YYYY-MM-DD HH24:MI:SS')", OrderBy: "installed_rank"}
	case Alembic:
		return Shape{Table: "alembic_version", Columns: []string{"version_num"}, Key: "version_num", State: applied,
			OrderBy: "version_num", Current: true}
	case Django:
		return Shape{Table: "django_migrations", Columns: []string{"app", "name", "applied"}, Key: "app || '.' || name",
			State: applied, At: stamp("applied"), OrderBy: "id"}
	case Diesel:
		return Shape{Table: "__diesel_schema_migrations", Columns: []string{"version", "run_on"}, Key: "version",
			State: applied,
			At:    "to_char(run_on, 'YYYY-MM-DD HH24:MI:SS')", OrderBy: "version"}
	case Goose:
		return Shape{Table: "goose_db_version", Columns: []string{"id", "version_id", "is_applied", "tstamp"},
			Key:   "version_id::text",
			State: "CASE WHEN is_applied THEN 'applied' ELSE 'undone' END",
			At:    "to_char(tstamp, 'YYYY-MM-DD HH24:MI:SS')", OrderBy: "id"}
	case GolangMigrate:
		return Shape{Table: "schema_migrations", Columns: []string{"version", "dirty"}, Key: "version::text",
			State: "CASE WHEN dirty THEN 'failed' ELSE 'applied' END", OrderBy: "version", Current: true}
	}
	return Shape{}
}

// stamp writes a time with its zone as text.
func stamp(expr string) string {
	return "to_char((" + expr + ") AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS \"UTC\"')"
}
