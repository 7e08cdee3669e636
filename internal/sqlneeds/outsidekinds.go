package sqlneeds

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// OutwardExtensions speak to other servers, run programs, read files or work in the background; none of them may wake
// in a copy.
func OutwardExtensions() []string {
	return []string{"dblink", "postgres_fdw", "file_fdw", "adminpack", "http", "pg_net", "pg_cron", "pgagent", "aws_s3",
		"aws_lambda", "azure_storage", "pg_background",
		"plpython3u", "plpythonu", "plpython2u", "plperlu", "pltclu", "plsh", "plr", "pljavau", "mysql_fdw",
		"oracle_fdw", "tds_fdw", "redis_fdw", "mongo_fdw",
		"multicorn", "pg_amqp", "amqp", "pgmemcache", "pglogical", "bdr", "citus", "plproxy", "oracle_fdw",
		"sqlite_fdw", "pgsql_http", "pg_partman_bgw"}
}

// kind looks at a statement by what it is, wherever it stands.
func (l *scanner) kind(n *pg.Node) {
	switch v := n.GetNode().(type) {
	case *pg.Node_CopyStmt:
		switch {
		case v.CopyStmt.GetIsProgram():
			l.elsewhere("COPY with PROGRAM runs a program")
		case v.CopyStmt.GetFilename() != "":
			l.elsewhere("COPY with a file")
		}
	case *pg.Node_CreateForeignServerStmt, *pg.Node_AlterForeignServerStmt, *pg.Node_CreateUserMappingStmt,
		*pg.Node_AlterUserMappingStmt, *pg.Node_CreateFdwStmt, *pg.Node_AlterFdwStmt, *pg.Node_ImportForeignSchemaStmt:
		l.elsewhere("it sets up access to another server")
	case *pg.Node_CreateSubscriptionStmt, *pg.Node_AlterSubscriptionStmt, *pg.Node_DropSubscriptionStmt:
		l.elsewhere("a subscription connects to another server")
	case *pg.Node_CreateExtensionStmt:
		if slices.Contains(OutwardExtensions(), strings.ToLower(v.CreateExtensionStmt.GetExtname())) {
			l.elsewhere("the extension %s reaches beyond the database", v.CreateExtensionStmt.GetExtname())
		}
	case *pg.Node_LoadStmt:
		l.elsewhere("LOAD runs code from a file")
	case *pg.Node_CreatePlangStmt:
		l.elsewhere("CREATE LANGUAGE brings code that may do anything")
	case *pg.Node_AlterSystemStmt:
		l.server("ALTER SYSTEM changes the whole server")
	default:
		l.wholeServer(n)
	}
}

// wholeServer looks for what belongs to a server and not to one of its databases.
func (l *scanner) wholeServer(n *pg.Node) {
	switch v := n.GetNode().(type) {
	case *pg.Node_CreatedbStmt, *pg.Node_DropdbStmt, *pg.Node_AlterDatabaseStmt, *pg.Node_AlterDatabaseSetStmt,
		*pg.Node_AlterDatabaseRefreshCollStmt:
		l.server("it makes, changes or drops a database by name")
	case *pg.Node_CreateRoleStmt, *pg.Node_AlterRoleStmt, *pg.Node_AlterRoleSetStmt, *pg.Node_DropRoleStmt,
		*pg.Node_GrantRoleStmt:
		l.server("roles belong to the whole server")
	case *pg.Node_ReassignOwnedStmt, *pg.Node_DropOwnedStmt:
		l.server("what a role owns is not only in this database")
	case *pg.Node_CreateTableSpaceStmt, *pg.Node_DropTableSpaceStmt, *pg.Node_AlterTableSpaceOptionsStmt:
		l.server("tablespaces belong to the whole server")
	case *pg.Node_RenameStmt:
		l.object("ALTER … RENAME", v.RenameStmt.GetRenameType())
	case *pg.Node_AlterOwnerStmt:
		l.object("ALTER … OWNER", v.AlterOwnerStmt.GetObjectType())
	case *pg.Node_CommentStmt:
		l.object("COMMENT", v.CommentStmt.GetObjtype())
	case *pg.Node_SecLabelStmt:
		l.object("SECURITY LABEL", v.SecLabelStmt.GetObjtype())
	case *pg.Node_GrantStmt:
		l.object("GRANT or REVOKE", v.GrantStmt.GetObjtype())
	}
}

func (l *scanner) object(what string, kind pg.ObjectType) {
	switch kind {
	case pg.ObjectType_OBJECT_DATABASE, pg.ObjectType_OBJECT_ROLE, pg.ObjectType_OBJECT_TABLESPACE,
		pg.ObjectType_OBJECT_PARAMETER_ACL:
		l.server("%s on a database, role, tablespace or parameter belongs to the whole server", what)
	case pg.ObjectType_OBJECT_SUBSCRIPTION, pg.ObjectType_OBJECT_FOREIGN_SERVER, pg.ObjectType_OBJECT_FDW:
		l.elsewhere("%s on access to another server", what)
	}
}

// call looks at a function by its name.
func (l *scanner) call(c *pg.FuncCall) {
	name := called(c)
	begins := func(all ...string) bool {
		return slices.ContainsFunc(all, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	switch {
	case begins("dblink", "lo_import", "lo_export", "pg_read_file", "pg_read_binary_file", "pg_ls_", "pg_stat_file", "pg_file_", "pg_logdir_ls", "http_", "pg_background_") || name == "http":
		l.elsewhere("%s() reaches files or other servers", name)
	case begins("pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf", "pg_rotate_logfile", "pg_promote", "pg_switch_", "pg_create_", "pg_drop_replication_slot", "pg_copy_", "pg_replication_", "pg_backup_", "pg_start_backup", "pg_stop_backup", "pg_wal_replay_", "pg_sync_replication", "pg_stat_reset_shared"):
		l.server("%s() changes the whole server", name)
	case name == "schedule" || name == "schedule_in_database" || name == "unschedule":
		l.server("%s() is pg_cron's, which works in the background", name)
	case begins("query_to_xml", "query_to_", "ts_stat") || name == "ts_rewrite":
		l.unread("%s() runs a text", name)
	}
}
