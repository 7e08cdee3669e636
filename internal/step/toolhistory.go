package step

import (
	"context"
	"fmt"

	"fairlead/internal/apply"
	"fairlead/internal/engine"
	"fairlead/internal/migrator"
)

// toolReader reads what a migration tool has written down about the file.
type toolReader func(context.Context) (migrator.Reading, error)

// ToolHistory reads the history of the tool that made the migration, before anything is decided.
type ToolHistory struct {
	afresh
	Read toolReader
}

// ToolRead is the evidence of ToolHistory.
type ToolRead struct{ migrator.Reading }

// Kind names the evidence.
func (ToolRead) Kind() engine.Kind { return "tool-read/1" }

// String says what the tool knows of the file.
func (t ToolRead) String() string {
	s := fmt.Sprintf("%s: %s", t.Tool, t.Says)
	if t.State == migrator.Applied {
		s += "; a unit without a marker of fairlead is taken as applied by it"
	}
	return s
}

// Spec declares the step.
func (ToolHistory) Spec() engine.Spec {
	return engine.Spec{Name: "history", Title: "Read the migration tool's history", Effect: engine.ReadsAgain,
		Proves:  ToolRead{}.Kind(),
		Runbook: []string{`psql "$PROD_DB_URL" -c 'select * from …'   # the tool's own table: is it applied already?`}}
}

// Run reads.
func (s ToolHistory) Run(ctx context.Context, _ engine.Input) (engine.Evidence, error) {
	r, err := s.Read(ctx)
	if err != nil {
		return nil, refuse("history-unreadable", "the history of the migration tool cannot be read", err)
	}
	return ToolRead{r}, nil
}

// appliedByTool tells that the tool itself has applied what fairlead has no marker of.
func (s Migrate) appliedByTool(ctx context.Context, v apply.Verdict) (Migrated, bool, error) {
	if s.History == nil || s.Again || v.State != apply.NotApplied || v.Intended {
		return Migrated{}, false, nil
	}
	r, err := s.History(ctx)
	if err != nil {
		return Migrated{}, false, fmt.Errorf("read the history of the migration tool: %w", err)
	}
	if r.State != migrator.Applied {
		return Migrated{}, false, nil
	}
	return Migrated{SHA256: s.Script.SHA256, Units: len(s.Script.Units), Tool: &r}, true, nil
}

// withToolHistory adds what the tool's history has of the file now. That it cannot be read changes no outcome: the
// units are in place.
func (s Migrate) withToolHistory(ctx context.Context, m Migrated) Migrated {
	if s.History == nil {
		return m
	}
	ctx = context.WithoutCancel(ctx)
	r, err := s.History(ctx)
	if err != nil {
		r = migrator.Reading{State: migrator.Untold, Table: "the tool's history",
			Says: "the tool's own history could not be read afterwards: " + err.Error()}
	}
	m.Tool = &r
	return m
}

// sayTool is the tool's part of the sentence of what is in place.
func (m Migrated) sayTool() string {
	if m.Tool == nil || m.Tool.After() == "" {
		return ""
	}
	return "; " + m.Tool.After()
}
