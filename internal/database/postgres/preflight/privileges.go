package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/sqlneeds"
	"fairlead/internal/sqltext"
)

// Checking is the database as a plan asks it that will apply a script: Preflight also looks whether the role has the
// rights that the script needs. InPlace gives how many units of the script are applied already; it may be nil.
func (p *Checker) Checking(s sqltext.Script, inPlace func(context.Context) (int, error)) database.Planner {
	return checking{p, s, inPlace}
}

// checking is a database and what is to be applied to it.
type checking struct {
	*Checker
	script  sqltext.Script
	inPlace func(context.Context) (int, error)
}

// Preflight asks for the script too. What it says of pg_dump it says at the end: a migration without a backup does not
// care.
func (c checking) Preflight(ctx context.Context) (database.Facts, error) {
	f, dumper := c.Checker.Preflight(ctx)
	if dumper != nil && !errors.Is(dumper, database.ErrVersion) || f.Standby {
		return f, dumper
	}
	if err := c.rights(ctx, &f); err != nil {
		return f, err
	}
	return f, dumper
}

func (c checking) rights(ctx context.Context, f *database.Facts) (err error) {
	done := 0
	if c.inPlace != nil {
		if done, err = c.inPlace(ctx); server.Code(err) == server.CodeNoPrivilege && len(f.Problems) > 0 {
			return nil // that the markers may not be read is among the problems
		} else if err != nil {
			return err
		}
	}
	return c.server.With(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		sql := fmt.Sprintf("SET statement_timeout = %d; BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY",
			server.QueryLimit.Milliseconds())
		if err := server.Run(ctx, conn, "look at the role's rights", sql); err != nil {
			return err
		}
		return privileges(ctx, conn, c.script, done, f)
	})
}

// mostLacks is how many lacking rights are named one by one.
const mostLacks = 8

// privileges compares what a script needs with what the catalog says that the role may. Only what is certain to fail is
// a problem: what the script makes itself, what functions do, and names that cannot be resolved beforehand are left to
// the server.
func privileges(ctx context.Context, conn *pgx.Conn, s sqltext.Script, unitsDone int, f *database.Facts) error {
	needs, blind := sqlneeds.Privileges(s, unitsDone)
	if blind > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("line %d takes on another role; whether it may do what follows was "+
			"not looked at", blind))
	}
	if len(needs) == 0 {
		return nil
	}
	w, err := readRights(ctx, conn, needs)
	if err != nil || w.super {
		return err
	}
	var lacks []string
	for _, n := range needs {
		if why := w.lacks(n); why != "" {
			lacks = append(lacks, fmt.Sprintf("line %d, %s: %s", n.Line, n.Kind, why))
		}
	}
	lacks = slices.Compact(lacks)
	if more := len(lacks) - mostLacks; more > 0 {
		lacks = append(lacks[:mostLacks], fmt.Sprintf("%d more statements need rights that the role %s does not have",
			more, w.role))
	}
	f.Problems = append(f.Problems, lacks...)
	return nil
}

// lacks says in words what right is missing and who can give it, or "" when it is there or nobody can tell.
func (w *rights) lacks(n sqlneeds.Need) string {
	switch n.Privilege {
	case sqlneeds.CreateInDatabase:
		if !w.database {
			return fmt.Sprintf("the role %s may not create schemas in database %s; ask for: GRANT CREATE ON "+
				"DATABASE %s TO %s", w.role, w.name, quoted(w.name), quoted(w.role))
		}
	case sqlneeds.CreateInSchema:
		return w.lacksSchema(n.Schema)
	case sqlneeds.Extension:
		return w.lacksExtension(n.Name)
	case sqlneeds.Membership:
		if member, known := w.roles[n.Name]; known && !member {
			return fmt.Sprintf("the role %s is not a member of %s; ask for: GRANT %s TO %s", w.role, n.Name,
				quoted(n.Name), quoted(w.role))
		}
	case sqlneeds.CreateRole:
		if !w.createRole {
			return fmt.Sprintf("the role %s may not create roles; ask for: ALTER ROLE %s CREATEROLE", w.role,
				quoted(w.role))
		}
	case sqlneeds.CreateDatabase:
		if !w.createDatabase {
			return fmt.Sprintf("the role %s may not create databases; ask for: ALTER ROLE %s CREATEDB", w.role,
				quoted(w.role))
		}
	case sqlneeds.UseType, sqlneeds.TypeOwner:
		return w.lacksType(n)
	default:
		return w.lacksRelation(n)
	}
	return ""
}

func (w *rights) lacksSchema(name string) string {
	if name == "" {
		name = w.first
	}
	if s, ok := w.schemas[name]; ok && !s.create {
		return fmt.Sprintf("the role %s may not create anything in schema %s; ask for: GRANT CREATE ON SCHEMA %s TO %s",
			w.role, name, quoted(name), quoted(w.role))
	}
	return ""
}

func (w *rights) lacksExtension(name string) string {
	e, ok := w.extensions[name]
	switch {
	case !ok:
		return fmt.Sprintf("the extension %s is not on the server's disk; install its package there", name)
	case e.installed, !e.super:
		return ""
	case !e.trusted:
		return fmt.Sprintf("the extension %s can be created by a superuser only, and the role %s is none; ask for: "+
			"CREATE EXTENSION %s", name, w.role, quoted(name))
	case !w.database:
		return fmt.Sprintf("the role %s may not create the extension %s; ask for: GRANT CREATE ON DATABASE %s TO %s",
			w.role, name, quoted(w.name), quoted(w.role))
	}
	return ""
}

func (w *rights) lacksType(n sqlneeds.Need) string {
	t, ok := w.types[n.Key()]
	switch {
	case !ok:
		return ""
	case n.Privilege == sqlneeds.TypeOwner && !t.owns:
		return fmt.Sprintf("the role %s does not own the type %s (%s does); ask for: ALTER TYPE %s OWNER TO %s", w.role,
			t.shown, t.owner, t.shown, quoted(w.role))
	case n.Privilege == sqlneeds.UseType && !t.usage:
		return fmt.Sprintf("the role %s may not use the type %s; ask for: GRANT USAGE ON TYPE %s TO %s", w.role,
			t.shown, t.shown, quoted(w.role))
	}
	return ""
}

func (w *rights) lacksRelation(n sqlneeds.Need) string {
	r, ok := w.relations[n.Key()]
	if !ok {
		return ""
	}
	if !r.usage {
		return fmt.Sprintf("the role %s may not look into schema %s; ask for: GRANT USAGE ON SCHEMA %s TO %s", w.role,
			r.schema, quoted(r.schema), quoted(w.role))
	}
	switch n.Privilege {
	case sqlneeds.Owner:
		if !r.owns {
			return w.notOwner(r)
		}
	case sqlneeds.Drop:
		if !r.owns && !r.ownsSchema {
			return w.notOwner(r)
		}
	case sqlneeds.OwnerAndSchema:
		if !r.owns {
			return w.notOwner(r)
		}
		return w.lacksSchema(r.schema)
	case sqlneeds.Maintain:
		if !r.owns && !r.maintain {
			return w.notOwner(r)
		}
	default:
		if !r.may[n.Privilege] {
			word := strings.ToUpper(string(n.Privilege))
			return fmt.Sprintf("the role %s has no %s right on %s; ask for: GRANT %s ON %s TO %s", w.role, word,
				r.shown, word, r.shown, quoted(w.role))
		}
	}
	return ""
}

func (w *rights) notOwner(r relationRights) string {
	return fmt.Sprintf("the role %s does not own %s (%s does); ask for: ALTER TABLE %s OWNER TO %s, or set "+
		"database.role to %s and GRANT %s TO %s",
		w.role, r.shown, r.owner, r.shown, quoted(w.role), r.owner, quoted(r.owner), quoted(w.role))
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
