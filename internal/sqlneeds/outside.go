package sqlneeds

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"fairlead/internal/sqltext"
)

// An Outside is a place of a script that could reach beyond the database that it runs in.
type Outside struct {
	Line   int
	What   string // like "COPY with PROGRAM runs a program"
	Shared bool   // it stays on its server: roles, other databases, settings of the server
	Unread bool   // what it does is put together while it runs and cannot be read before
}

// String says where and what.
func (o Outside) String() string { return fmt.Sprintf("line %d: %s", o.Line, o.What) }

// OutsideEffects lists what a script does, or could do, beyond the database that it runs in: programs, files and other
// servers first of all; then what belongs to a whole server; then text that is put together while the script runs. The
// bodies of blocks and functions of the script are read; those of functions that the database has already are not. A
// script that the parser does not know is one text that cannot be read.
func OutsideEffects(s sqltext.Script) []Outside {
	s, err := s.Parsed()
	if err != nil {
		o := Outside{Line: 1, What: "a text that cannot be read: " + err.Error(), Unread: true}
		if e := sqltext.AsSyntaxError(err); e != nil {
			o.Line, _ = s.Position(e.Offset)
		}
		return []Outside{o}
	}
	var all []Outside
	for _, st := range s.Statements {
		l := &scanner{line: st.Line}
		l.statement(s.Node(st.Index), st.SQL, 0)
		all = append(all, l.found...)
	}
	return all
}

// maxBodies is how deep blocks within texts within blocks are followed.
const maxBodies = 4

// A scanner looks at one statement of a script.
type scanner struct {
	line  int
	found []Outside
}

func (l *scanner) add(o Outside) {
	o.Line = l.line
	if !slices.Contains(l.found, o) {
		l.found = append(l.found, o)
	}
}

func (l *scanner) elsewhere(format string, args ...any) {
	l.add(Outside{What: fmt.Sprintf(format, args...)})
}

func (l *scanner) server(format string, args ...any) {
	l.add(Outside{What: fmt.Sprintf(format, args...), Shared: true})
}

func (l *scanner) unread(format string, args ...any) {
	l.add(Outside{What: fmt.Sprintf(format, args...), Unread: true})
}

func (l *scanner) statement(n *pg.Node, sql string, depth int) {
	if n == nil {
		l.unread("a statement that cannot be read")
		return
	}
	sqltext.Walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
		switch v := m.Interface().(type) {
		case *pg.Node:
			l.kind(v)
		case *pg.FuncCall:
			l.call(v)
		}
		return true
	})
	if n.GetDoStmt() != nil || n.GetCreateFunctionStmt() != nil {
		l.body(n, sql, depth)
	}
}

// body looks into a block or function.
func (l *scanner) body(n *pg.Node, sql string, depth int) {
	if n.GetCreateFunctionStmt().GetSqlBody() != nil {
		return // its statements are part of the tree
	}
	b, err := sqltext.BodyOf(n, sql)
	switch {
	case slices.Contains([]string{"c", "internal"}, b.Language), strings.HasSuffix(b.Language, "u") &&
		strings.HasPrefix(b.Language, "pl"), b.Language == "plsh", b.Language == "plr":
		l.elsewhere("code in the language %s, which may do anything", b.Language)
		return
	case err != nil, depth >= maxBodies:
		l.unread("a body in the language %s that cannot be read", b.Language)
		return
	}
	for _, st := range b.Statements {
		switch st.Kind {
		case sqltext.BodyCommit:
		case sqltext.BodyExecute:
			text, ok := fixedText("SELECT " + st.SQL)
			if !ok {
				l.unread("EXECUTE of a text that is put together while the script runs")
				continue
			}
			l.text(text, depth+1)
		case sqltext.BodySQL:
			l.text(st.SQL, depth+1)
		default:
			expression := st.SQL
			if !strings.HasPrefix(expression, "SELECT ") {
				expression = "SELECT " + expression
			}
			l.text(expression, depth+1)
		}
	}
}

// text looks at SQL that stands inside something.
func (l *scanner) text(sql string, depth int) {
	s, err := sqltext.Parse([]byte(sql))
	if err != nil {
		l.unread("a part of a body that cannot be read")
		return
	}
	for _, st := range s.Statements {
		l.statement(s.Node(st.Index), st.SQL, depth)
	}
}

// fixedText gives the text that an expression always has, as far as that can be read: constants, put together by || or
// format() with names and literals, for which stand-ins are taken.
func fixedText(sql string) (string, bool) {
	s, err := sqltext.Parse([]byte(sql))
	if err != nil || len(s.Statements) != 1 {
		return "", false
	}
	targets := s.Node(0).GetSelectStmt().GetTargetList()
	if len(targets) != 1 {
		return "", false
	}
	return fixed(targets[0].GetResTarget().GetVal())
}

func fixed(n *pg.Node) (string, bool) {
	if c := n.GetAConst(); c.GetSval() != nil {
		return c.GetSval().GetSval(), true
	}
	if e := n.GetAExpr(); e != nil && len(e.GetName()) == 1 && e.GetName()[0].GetString_().GetSval() == "||" {
		left, ok := fixed(e.GetLexpr())
		right, and := fixed(e.GetRexpr())
		return left + right, ok && and
	}
	call := n.GetFuncCall()
	switch name := called(call); {
	case name == "quote_ident":
		return "x", true
	case name == "quote_literal", name == "quote_nullable":
		return "'x'", true
	case name == "format" && len(call.GetArgs()) > 0:
		text, ok := fixed(call.GetArgs()[0])
		if !ok {
			return "", false
		}
		text = strings.NewReplacer("%%", "%", "%I", "x", "%L", "'x'", "%1$I", "x", "%2$I", "x", "%3$I", "x", "%1$L",
			"'x'", "%2$L", "'x'", "%3$L", "'x'").Replace(text)
		return text, !strings.Contains(text, "%")
	}
	return "", false
}

func called(c *pg.FuncCall) string {
	_, name := sqltext.QualifiedName(c.GetFuncname())
	return strings.ToLower(name)
}

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
	case begins("dblink", "lo_import", "lo_export", "pg_read_file", "pg_read_binary_file", "pg_ls_", "pg_stat_file",
		"pg_file_", "pg_logdir_ls", "http_", "pg_background_") || name == "http":
		l.elsewhere("%s() reaches files or other servers", name)
	case begins("pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf", "pg_rotate_logfile", "pg_promote",
		"pg_switch_", "pg_create_", "pg_drop_replication_slot", "pg_copy_",
		"pg_replication_", "pg_backup_", "pg_start_backup", "pg_stop_backup", "pg_wal_replay_", "pg_sync_replication",
		"pg_stat_reset_shared"):
		l.server("%s() changes the whole server", name)
	case name == "schedule" || name == "schedule_in_database" || name == "unschedule":
		l.server("%s() is pg_cron's, which works in the background", name)
	case begins("query_to_xml", "query_to_", "ts_stat") || name == "ts_rewrite":
		l.unread("%s() runs a text", name)
	}
}
