package assemble

import (
	"context"
	"os"

	"fairlead/internal/engine"
	"fairlead/internal/program"
	"fairlead/internal/step"
)

// wireQuiesce prepares the commands that stop and resume what writes to the database; none are run.
func (p *Project) wireQuiesce() error {
	q := p.Config.Backup.Quiesce
	if len(q.Command) == 0 {
		return nil
	}
	environ := without(os.Environ(), p.Config.SecretVariables())
	does := func(argv []string) func(context.Context) error {
		return func(ctx context.Context) error { return program.Run(ctx, q.Timeout, environ, argv) }
	}
	line := ""
	for i, w := range q.Resume {
		if i > 0 {
			line += " "
		}
		line += word(w)
	}
	p.writers = &step.Writers{Stop: does(q.Command), Restart: does(q.Resume), Line: line, Now: p.options.Now}
	return nil
}

// quietly stops the writers before the steps from the backup on, where that is configured.
func (p *Project) quietly(steps []engine.Step) []engine.Step {
	if p.writers == nil {
		return steps
	}
	var all []engine.Step
	for _, s := range steps {
		_, afresh := s.(step.Backup)
		all = append(all, step.Quiet{Step: s, Writers: p.writers, Afresh: afresh})
	}
	return all
}

// loudly lets the writers on again after the last of these steps, and when one fails.
func (p *Project) loudly(steps ...engine.Step) []engine.Step {
	if p.writers == nil {
		return steps
	}
	var all []engine.Step
	for _, s := range steps {
		all = append(all, step.Quiet{Step: s, Writers: p.writers, Running: true})
	}
	return append(all, step.Resume{Writers: p.writers})
}

// Awaken resumes what writes to the database at the end of a run that did not come to that itself; always when a run is given up or
// rolled back by another process than the one that stopped them. Nothing happens where nothing is configured.
func (p *Project) Awaken(ctx context.Context, always bool) error {
	if p.writers == nil || !always && !p.writers.Stopped() {
		return nil
	}
	return p.writers.Resume(ctx)
}

// quiesceTerms is what of it is approved.
type quiesceTerms struct {
	Command, Resume []string
}

func (p *Project) quiesceTerms() *quiesceTerms {
	if p.writers == nil {
		return nil
	}
	return &quiesceTerms{p.Config.Backup.Quiesce.Command, p.Config.Backup.Quiesce.Resume}
}
