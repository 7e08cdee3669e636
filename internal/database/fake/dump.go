package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"

	"fairlead/internal/apply"
	"fairlead/internal/database"
)

var (
	_ apply.Server         = (*Server)(nil)
	_ apply.Recovery       = (*Server)(nil)
	_ database.Planner     = (*Server)(nil)
	_ database.Dumper      = (*Server)(nil)
	_ database.PointInTime = (*Server)(nil)
)

// Preflight answers what a plan asks. The fake serves one app in one environment.
func (s *Server) Preflight(ctx context.Context) (database.Facts, error) {
	f := database.Facts{Server: "15.18", Major: 15, Dumper: "15.18", System: s.identity.System,
		Timeline: s.identity.Timeline,
		Database: s.identity.Database, Role: "deploy", Size: 1 << 20}
	err := s.do(ctx, "preflight", func() error {
		f.Now = s.w.Now()
		for _, t := range s.fences {
			f.Ledger, f.Fence = t.Ledger, t.Number
		}
		return nil
	})
	if err != nil {
		return database.Facts{}, fmt.Errorf("%w: %w", database.ErrUnreachable, err)
	}
	return f, nil
}

// Dump writes what is there.
func (s *Server) Dump(ctx context.Context, w io.Writer) (database.Dump, error) {
	d := database.Dump{Server: "15.18", Dumper: "15.18", System: s.identity.System, Timeline: s.identity.Timeline,
		Database: s.identity.Database}
	err := s.do(ctx, "dump", func() error {
		d.At, d.Tables = s.w.Now(), map[string]int64{}
		for sql, n := range s.applied {
			d.Tables[sql] = int64(n)
		}
		return nil
	})
	if err != nil {
		return database.Dump{}, fmt.Errorf("%w: %w", database.ErrUnreachable, err)
	}
	return d, json.NewEncoder(w).Encode(d.Tables)
}

// Verify reads the whole dump and compares.
func (s *Server) Verify(_ context.Context, r io.Reader, d database.Dump) error {
	var tables map[string]int64
	if err := json.NewDecoder(r).Decode(&tables); err != nil {
		return fmt.Errorf("read the dump: %w", err)
	}
	if !maps.Equal(tables, d.Tables) {
		return fmt.Errorf("the dump holds other tables than its snapshot")
	}
	return nil
}

// Globals writes that there are none.
func (s *Server) Globals(_ context.Context, w io.Writer) ([]string, error) {
	_, err := io.WriteString(w, "-- no roles\n")
	return nil, err
}

// Since knows the age of a snapshot and nothing of rows.
func (s *Server) Since(_ context.Context, m database.Mark) (database.Gap, error) {
	return database.Gap{Seconds: s.w.Now().Sub(m.At).Seconds(), Archive: "the server of a story keeps no archive"}, nil
}

// RestorePoint makes none.
func (s *Server) RestorePoint(context.Context, string) (database.RestorePoint, error) {
	return database.RestorePoint{Why: "the server of a story keeps no archive"}, nil
}
