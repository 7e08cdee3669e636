package assemble

import (
	"context"
	"fmt"

	"fairlead/internal/engine"
	"fairlead/internal/fault"
	"fairlead/internal/migrator"
	"fairlead/internal/step"
)

// toolReader reads what the tool that made a file has written down about it; nil where nothing shows a tool.
func (p *Project) toolReader(file string, sql []byte) func(context.Context) (migrator.Reading, error) {
	want, ok := migrator.WantOf(file, sql)
	if !ok || p.database == nil {
		return nil
	}
	return func(ctx context.Context) (migrator.Reading, error) {
		book, err := p.database.ToolHistory(ctx, want)
		if err != nil {
			return migrator.Reading{}, err
		}
		return want.Judge(book), nil
	}
}

// asking is the planning step that reads the tool's history; none where nothing shows a tool.
func (p *Project) asking(file string, sql []byte) []engine.Step {
	read := p.toolReader(file, sql)
	if read == nil {
		return nil
	}
	return []engine.Step{step.ToolHistory{Read: read}}
}

// placed counts the units of a migration that are in place: by fairlead's markers or, where there is none, by the tool's own history, in
// which case all of them are.
func (p *Project) placed(ctx context.Context, file string, sql []byte) (int, error) {
	n, err := p.applied(ctx, shaOf(sql))
	read := p.toolReader(file, sql)
	if err != nil || n > 0 || read == nil {
		return n, err
	}
	r, err := read(ctx)
	if err != nil || r.State != migrator.Applied {
		return 0, err
	}
	script, err := p.texts.Parse(sql)
	return len(script.Units), err
}

// oneWay refuses a file that holds the way back too: applied as a whole it would undo itself.
func oneWay(file string, sql []byte) error {
	if !migrator.BothWays(sql) {
		return nil
	}
	return &fault.Fault{Code: "migration-both-ways", What: file + " holds the migration and its way back, which its tool keeps apart by comments", Outcome: fault.Refused,
		Means: "production is unchanged; nothing was attempted: applied as a whole it would undo itself",
		Do:    []fault.Command{{Line: fmt.Sprintf("sed '/^-- *+goose Down/,$d; /^-- *migrate:down/,$d' %s > up.sql", file), Why: "keeps the way forward; review and apply that file"}}}
}
