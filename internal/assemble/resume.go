package assemble

import (
	"context"
	"encoding/json"
	"fmt"

	"fairlead/internal/engine"
	"fairlead/internal/source"
	"fairlead/internal/sqltext"
)

// Replan makes the plan of an open run again, from the blobs beside the ledger and the configuration alone: on any machine that has
// the configuration and access.
func (p *Project) Replan(ctx context.Context, o engine.Opening) (engine.Plan, error) {
	if o.Terms.Action == engine.Migrate {
		return p.replanAlone(ctx, o)
	}
	if err := p.targeted(); err != nil {
		return engine.Plan{}, err
	}
	terms := o.Terms
	settings, err := p.settings(terms.Migration)
	if err != nil {
		return engine.Plan{}, err
	}
	terms.Settings = settings
	if terms.Action == engine.Rollback {
		return engine.Plan{Terms: terms, Steps: p.returning(), Proofs: o.Proofs}, nil
	}
	f, script, err := p.recall(ctx, o)
	if err != nil {
		return engine.Plan{}, err
	}
	return p.replan(p.deployment(f, script), terms, o.Proofs), nil
}

// recall reads release, SQL and units back; each is what was stored, by its hash.
func (p *Project) recall(ctx context.Context, o engine.Opening) (source.Found, sqltext.Script, error) {
	var f source.Found
	var script sqltext.Script
	if err := p.blob(ctx, o, blobRelease, &f.Release); err != nil {
		return f, script, err
	}
	var why from
	if err := p.blob(ctx, o, blobFrom, &why); err != nil {
		return f, script, err
	}
	f.From, f.Strength, f.Dir = why.From, why.Strength, why.Dir
	if f.Release.Migration == nil || f.Release.Migration.Commanded() {
		return f, script, nil
	}
	sql, err := p.storedSQL(ctx, o)
	if err != nil {
		return f, script, err
	}
	f.SQL = sql
	if err := p.blob(ctx, o, blobUnits, &script); err != nil {
		return f, script, err
	}
	if got := shaOf(sql); got != f.Release.Migration.SHA256 {
		return f, script, fmt.Errorf("the stored SQL has the sha256 %s, the release says %s", got, f.Release.Migration.SHA256)
	}
	return f, script, script.Attach(sql)
}

// storedSQL reads the SQL of a run back, and holds it against what was approved.
func (p *Project) storedSQL(ctx context.Context, o engine.Opening) ([]byte, error) {
	sql, err := p.ledger.Blob(ctx, o.Blobs[blobSQL])
	if err != nil {
		return nil, fmt.Errorf("read the stored SQL: %w", err)
	}
	if got := shaOf(sql); o.Terms.Migration == nil || got != o.Terms.Migration.SHA256 {
		return nil, fmt.Errorf("the stored SQL has the sha256 %s, which is not what was approved", got)
	}
	return sql, nil
}

func (p *Project) blob(ctx context.Context, o engine.Opening, name string, into any) error {
	b, err := p.ledger.Blob(ctx, o.Blobs[name])
	if err != nil {
		return fmt.Errorf("read the stored %s: %w", name, err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("read the stored %s: %w", name, err)
	}
	return nil
}
