package scratch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres/archive"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/trace"
	"fairlead/internal/sqlneeds"
	"fairlead/internal/sqltext"
)

// A rehearsal is the server on which one rehearsal takes place, with one scratch database of one name.
type rehearsal struct {
	where     string
	version   string
	name      string
	databases *databases // makes and drops databases
	locale    database.Locale
	original  original
	local     *scratchServer // nil on a server that was there before
	owners    bool           // the archive's owners and grants are restored
	base      *server.Server // whose login and role try the script
	disk      string         // directory whose space is watched; "" for none
	notes     []string
}

func (r *Rehearser) directory() string {
	if r.config.Directory != "" {
		return r.config.Directory
	}
	return os.TempDir()
}

// open finds or starts the server, removes what earlier rehearsals left there, and sees that there is space.
func (r *Rehearser) open(ctx context.Context, j database.Rehearsal, s sqltext.Script) (*rehearsal, error) {
	st := &rehearsal{name: scratchName(j.Owner, j.Run, j.Number)}
	var err error
	if st.original, err = readOriginal(ctx, r.production); err != nil {
		return nil, err
	}
	err = r.production.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		st.locale, err = archive.Locale(ctx, conn)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := r.outward(j.Dump); err != nil {
		return nil, err
	}
	if _, err := r.Sweep(ctx, j.Owner); err != nil {
		return nil, fmt.Errorf("%w: remove what an earlier rehearsal left: %w", database.ErrNoScratch, err)
	}
	copies := 0
	if j.NewOnOld != nil {
		copies = 1
	}
	need := spaceNeeded(st.original.size, j.SchemaOnly, copies)
	if r.config.Server.Reveal() == ServerLocal {
		return st, r.openLocal(ctx, st, j, s, need)
	}
	return st, r.openServer(ctx, st, j, need)
}

// outward refuses a database whose own functions and triggers could leave the copy.
func (r *Rehearser) outward(d database.Dump) error {
	for _, name := range slices.Sorted(maps.Keys(d.Extensions)) {
		// its handler is taken away after the restore
		cut := r.config.Server.Reveal() == ServerLocal && strings.HasSuffix(name, "_fdw")
		if slices.Contains(sqlneeds.OutwardExtensions(), name) && !cut {
			return fmt.Errorf("%w: the database has the extension %s", database.ErrOutside, name)
		}
	}
	return nil
}

// openServer takes a server that is there.
func (r *Rehearser) openServer(ctx context.Context, st *rehearsal, j database.Rehearsal, need int64) error {
	production := r.config.Server.Reveal() == ServerProduction
	var err error
	var system string
	if st.databases, err = r.databases(j.Owner); err != nil {
		return err
	}
	st.base, st.owners, st.where = st.databases.server, production, "the server "+st.databases.server.Place()
	if production {
		st.where = "the production server"
	}
	err = st.databases.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		st.version = conn.PgConn().ParameterStatus("server_version")
		st.disk = diskOf(ctx, st.databases.server, conn)
		return conn.QueryRow(ctx, "SELECT system_identifier::text FROM pg_control_system()").Scan(&system)
	})
	if err != nil {
		return fmt.Errorf("%w: %w", database.ErrNoScratch, err)
	}
	if !production && system == st.original.system {
		return fmt.Errorf("%w: rehearse.server is the production server, or a copy that follows it; write server: "+
			"production if that is meant", database.ErrNoScratch)
	}
	if major := server.LeadingNumber(st.version); major < st.original.major {
		return fmt.Errorf("%w: the server for scratch copies is of version %d, the database of version %d",
			database.ErrNoScratch, major, st.original.major)
	}
	if !production {
		st.notes = append(st.notes, "everything belonged to one role: owners and privileges were not tried")
	}
	switch {
	case st.disk != "":
		return r.enough(st.disk, need)
	case production && !j.SchemaOnly:
		return fmt.Errorf("%w: the free space of the production server cannot be seen from here, and a full disk "+
			"would stop it", database.ErrNoSpace)
	case !j.SchemaOnly:
		st.notes = append(st.notes, "the free space of the server could not be seen")
	}
	return nil
}

// openLocal starts a server.
func (r *Rehearser) openLocal(ctx context.Context, st *rehearsal, j database.Rehearsal, s sqltext.Script,
	need int64) error {
	if err := r.enough(r.directory(), need); err != nil {
		return err
	}
	all := sqlneeds.OutsideEffects(s)
	unread := slices.IndexFunc(all, func(o sqlneeds.Outside) bool { return o.Unread })
	if unread >= 0 && st.original.super {
		st.notes = append(st.notes, "the role was no superuser on the copy, because of what cannot be read before: "+
			all[unread].String())
	}
	var err error
	j.Say("starting a server on this machine")
	var plain bool
	st.local, plain, err = startScratchServer(ctx, serverPlan{major: st.original.major, programs: r.config.Programs,
		below: r.directory(), settings: st.original.settings, loopback: j.OldOnNew != nil || j.NewOnOld != nil})
	if err != nil {
		return fmt.Errorf("%w: %w", database.ErrNoScratch, err)
	}
	if plain {
		st.notes = append(st.notes, "the server's settings could not be taken over, so durations say less")
	}
	st.disk, st.version, st.owners = st.local.home.Path, st.local.version, true
	st.where = "a server of version " + st.version + " on this machine"
	if err := r.furnish(ctx, st, j.Owner, unread >= 0); err != nil {
		st.close()
		return err
	}
	return nil
}

// furnish makes the roles.
func (r *Rehearser) furnish(ctx context.Context, st *rehearsal, owner string, harmless bool) error {
	superuser, err := r.onLocal(st, scratchUser, "postgres", owner)
	if err != nil {
		return err
	}
	st.databases = databasesOn(superuser)
	if st.base, err = r.onLocal(st, st.original.login, "postgres", owner); err != nil {
		return err
	}
	st.base.Config.Role = r.production.Config.Role
	return st.databases.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, st.original.rolesSQL(harmless)).ReadAll()
		return server.Classify(ctx, conn.PgConn(), "make the roles of the database on the scratch server", err)
	})
}

func (r *Rehearser) onLocal(st *rehearsal, who, name, owner string) (*server.Server, error) {
	d, err := server.Open(r.at(st.local.url(who, name)), server.Session{Scratch: r.production.Session.Scratch})
	if err != nil {
		return nil, err
	}
	return asRehearsal(d, owner), nil
}

// build makes the scratch database out of the archive.
func (st *rehearsal) build(ctx context.Context, j database.Rehearsal) error {
	if err := st.create(ctx, j); err != nil {
		return err
	}
	archive, err := j.Archive(ctx)
	if err != nil {
		return fmt.Errorf("open the backup: %w", err)
	}
	defer archive.Close()
	o := database.RestoreOptions{Format: j.Dump.Format, Dumper: j.Dump.Dumper, SchemaOnly: j.SchemaOnly,
		Owners: st.owners, WithoutReplication: true}
	if err := st.databases.archive.Restore(ctx, st.name, archive, o); err != nil {
		return err
	}
	return st.settle(ctx, j.SchemaOnly)
}

// create falls back to the C locale where the machine does not know that of the database.
func (st *rehearsal) create(ctx context.Context, j database.Rehearsal) error {
	n := database.NewDatabase{Name: st.name, Locale: st.locale, Private: true, Comment: trace.ScratchMark +
		": rehearsal of run " + j.Run + " of " + j.Owner}
	err := st.databases.archive.CreateDatabase(ctx, n)
	if known := server.Code(err); st.local != nil && err != nil && known != "" &&
		known != archive.CodeDuplicateDatabase {
		n.Locale = database.Locale{Encoding: st.locale.Encoding, Collate: "C", Type: "C"}
		st.notes = append(st.notes, fmt.Sprintf("the collation %s is not known on this machine; C was taken",
			st.locale.Collate+st.locale.Name))
		err = st.databases.archive.CreateDatabase(ctx, n)
	}
	if err != nil || st.local == nil {
		return err
	}
	return st.databases.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		sql := "ALTER DATABASE " + pgx.Identifier{st.name}.Sanitize() + " OWNER TO " +
			pgx.Identifier{st.original.owner}.Sanitize()
		for _, who := range []string{st.original.login, st.base.Config.Role} {
			if who == "" {
				continue
			}
			rights := "CONNECT, TEMPORARY"
			if st.original.creates {
				rights += ", CREATE"
			}
			sql += "; GRANT " + rights + " ON DATABASE " + pgx.Identifier{st.name}.Sanitize() + " TO " +
				pgx.Identifier{who}.Sanitize()
		}
		return server.Run(ctx, conn, "hand the scratch database to its owner", sql)
	})
}

// settle takes the way out from foreign tables and lets the planner know the rows.
func (st *rehearsal) settle(ctx context.Context, schemaOnly bool) error {
	return st.databases.server.In(st.name).With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		sql := `SELECT coalesce(string_agg(format('ALTER FOREIGN DATA WRAPPER %I NO HANDLER', fdwname), '; '), '')
			FROM pg_foreign_data_wrapper WHERE fdwhandler <> 0`
		var cut string
		if err := conn.QueryRow(ctx, sql).Scan(&cut); err != nil {
			return server.Classify(ctx, conn.PgConn(), "look for foreign tables", err)
		}
		if cut != "" {
			if err := server.Run(ctx, conn, "cut off foreign tables", cut); err != nil {
				return err
			}
			st.notes = append(st.notes, "foreign tables were cut off")
		}
		if schemaOnly {
			return nil
		}
		if err := server.RunUnlimited(ctx, conn, "analyze the copy", "ANALYZE"); err != nil {
			return err
		}
		if st.local == nil {
			return nil
		}
		return server.RunUnlimited(ctx, conn, "flush the copy", "CHECKPOINT")
	})
}

// trier gives the scratch database as the login and the role that will apply the script see it.
func (st *rehearsal) trier(name string) *server.Server {
	d := st.base.In(name)
	if st.local == nil && !st.owners {
		d.Config.Role = ""
	}
	for key, value := range st.original.session {
		if _, set := d.Base.RuntimeParams[key]; !set {
			d.Base.RuntimeParams[key] = value
		}
	}
	return d
}

// urlFor gives the URL that a check gets.
func (st *rehearsal) urlFor(ctx context.Context, name string) (config.Secret, error) {
	if st.local != nil {
		return st.local.loopback(ctx, st.original.login, name)
	}
	u, err := url.Parse(st.base.Config.URL.Reveal())
	if err != nil {
		return config.Secret{}, errors.New("the URL of the server for scratch copies cannot be read")
	}
	u.Path = "/" + name
	q := u.Query()
	q.Del("dbname")
	u.RawQuery = q.Encode()
	return config.NewSecret(u.String()), nil
}

// drop drops the scratch database where the server stays.
func (st *rehearsal) drop(ctx context.Context) error {
	if st.local != nil {
		return nil
	}
	return errors.Join(st.databases.dropScratch(ctx, st.name+"_b"), st.databases.dropScratch(ctx, st.name))
}

func (st *rehearsal) close() {
	if st.local != nil {
		st.local.stop()
	}
}
