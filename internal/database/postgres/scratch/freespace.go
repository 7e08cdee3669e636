package scratch

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fairlead/internal/database"
	"fairlead/internal/database/postgres/server"
)

const (
	spaceFactor = 2.5       // of the database's size: the copy, a rewrite of it, its log
	spaceBase   = 128 << 20 // bytes that a schema, or an empty server, takes
	spaceWatch  = 500 * time.Millisecond
)

// spaceNeeded is what a copy of a database of this size takes at most, with copies of the copy.
func spaceNeeded(size int64, schemaOnly bool, copies int) int64 {
	if schemaOnly {
		return spaceBase
	}
	return int64(float64(size)*(spaceFactor+float64(copies))) + spaceBase
}

// enough compares what is free below a path with what is needed.
func (r *Rehearser) enough(path string, need int64) error {
	free, err := r.free(path)
	if err != nil {
		return fmt.Errorf("%w: the free space at %s cannot be seen: %w", database.ErrNoSpace, path, err)
	}
	if free < need {
		return fmt.Errorf("%w: %s has %s free, %s are needed (%.1f × the database)", database.ErrNoSpace, path,
			server.Megabytes(free), server.Megabytes(need), spaceFactor)
	}
	return nil
}

// watch cancels the context it gives once less than a quarter of the database's size is free; stop ends it and must be
// called.
func (r *Rehearser) watch(ctx context.Context, path string, size int64) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if path == "" {
		return ctx, func() { cancel(nil) }
	}
	least := size/4 + spaceBase/4
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(r.every):
			}
			if free, err := r.free(path); err == nil && free < least {
				cancel(fmt.Errorf("%w: only %s were left at %s while it ran", database.ErrNoSpace,
					server.Megabytes(free), path))
				return
			}
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

// diskOf gives the data directory of a server that surely runs on this machine, or "". A connection to the loopback
// address proves nothing, for it may be a tunnel: the process at its other end must be one of ours, serving exactly
// this connection.
func diskOf(ctx context.Context, s *server.Server, conn *pgx.Conn) string {
	if s.Session.Reach != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, server.QueryLimit)
	defer cancel()
	process := "/proc/" + strconv.Itoa(int(conn.PgConn().PID()))
	title, err := os.ReadFile(process + "/cmdline")
	if err != nil || !strings.HasPrefix(string(title), "postgres:") || !strings.Contains(string(title), peer(conn)) {
		return ""
	}
	var dir string
	if err := conn.QueryRow(ctx, "SELECT setting FROM pg_settings WHERE name = 'data_directory'").Scan(
		&dir); err != nil {
		if dir, err = os.Readlink(process + "/cwd"); err != nil {
			return ""
		}
	}
	if !filepath.IsAbs(dir) {
		return ""
	}
	return dir
}

// peer is how the server's process names our end of the connection.
func peer(conn *pgx.Conn) string {
	if a, ok := conn.PgConn().Conn().LocalAddr().(*net.TCPAddr); ok {
		return fmt.Sprintf("(%d)", a.Port)
	}
	return "[local]"
}
