package fake

import (
	"context"
	"fmt"

	"fairlead/internal/apply"
	"fairlead/internal/sqltext"
)

// Fate tells what became of an attempt's transaction, or whether its backend still lives.
func (s *Server) Fate(ctx context.Context, a apply.Attempt) (apply.Fate, error) {
	var f apply.Fate
	err := s.do(ctx, fmt.Sprintf("fate of %s (pid %d)", a.XID, a.PID), func() error {
		f = apply.Forgotten
		switch {
		case a.XID == "" && s.find(a) != nil && s.find(a).running:
			f = apply.InProgress
		case a.XID == "" && s.find(a) != nil:
			f = apply.Idle
		case a.XID != "" && s.fates[a.XID] != 0:
			f = s.fates[a.XID]
		}
		return nil
	})
	return f, err
}

func (s *Server) find(a apply.Attempt) *backend {
	for _, b := range s.backends {
		if b.pid == a.PID && b.started.Equal(a.Started) {
			return b
		}
	}
	return nil
}

// End terminates exactly that backend.
func (s *Server) End(ctx context.Context, a apply.Attempt) error {
	return s.do(ctx, fmt.Sprintf("terminate %d", a.PID), func() error {
		if b := s.find(a); b != nil {
			b.end()
		}
		return nil
	})
}

// Probe looks into the catalog.
func (s *Server) Probe(ctx context.Context, st sqltext.Statement) (apply.Effect, string, error) {
	var f apply.Effect
	var why string
	err := s.do(ctx, "probe "+st.SQL, func() error { f, why = s.probe(st.Probe); return nil })
	return f, why, err
}

func (s *Server) probe(p *sqltext.Probe) (apply.Effect, string) {
	if p == nil {
		return apply.Other, "there is no question to the catalog for this statement"
	}
	i := s.indexes[p.Name]
	switch {
	case p.What == sqltext.Repeatable:
		return apply.NotDone, "running it again is harmless"
	case p.What == sqltext.IndexGone && i == nil:
		return apply.Done, "there is no such index"
	case p.What == sqltext.IndexGone:
		return apply.NotDone, "the index is there"
	case p.What != sqltext.IndexValid:
		return apply.Other, "the fake cannot answer " + string(p.What)
	case i == nil:
		return apply.NotDone, "there is no such index"
	case !i.valid:
		return apply.Halfway, "the index is invalid"
	}
	return apply.Done, "the index is valid"
}

// Remedy gives the statement that drops an invalid index.
func (s *Server) Remedy(ctx context.Context, st sqltext.Statement) ([]string, error) {
	err := s.do(ctx, "remedy for "+st.SQL, func() error {
		if found, why := s.probe(st.Probe); found != apply.Halfway {
			return fmt.Errorf("there is nothing to remove: %s", why)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []string{"DROP INDEX CONCURRENTLY " + st.Probe.Name}, nil
}
