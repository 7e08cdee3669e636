package assemble

import (
	"fmt"
	"strings"

	"fairlead/internal/fault"
	"fairlead/internal/ledger/dir"
)

// wireLedger opens the ledger of a configuration without target, in a directory of this machine.
func (p *Project) wireLedger() error {
	c := p.Config.Ledger
	if ci := p.jobOf(); ci != "" && !c.Durable {
		return &fault.Fault{Code: "ledger-ephemeral", Outcome: fault.Refused,
			What:  fmt.Sprintf("the ledger would be kept in %s on a runner's disk (%s is set) and would be gone with the job", c.Path, ci),
			Means: "nothing was attempted; production is unchanged",
			Do:    []fault.Command{{Line: "ledger: {kind: dir, path: …, durable: true}", Why: "in fairlead.yaml, if the directory is on a volume that stays"}}}
	}
	l := dir.Open(c.Path.String())
	p.ledger, p.history, p.services = l, l, map[string]string{}
	return nil
}

// jobOf gives the variable that tells a CI system whose disks are gone with the job, or "".
func (p *Project) jobOf() string {
	for _, name := range []string{"GITHUB_ACTIONS", "GITLAB_CI", "CI"} {
		if v, set := p.options.Env(name); set && v != "" && v != "0" && !strings.EqualFold(v, "false") {
			return name
		}
	}
	return ""
}

// targeted is the fault of a command that needs a place where the app runs, where none is configured.
func (p *Project) targeted() error {
	if p.target != nil {
		return nil
	}
	return NeedsTarget()
}

// NeedsTarget is the fault of a command about what runs, where the configuration is for migrations alone.
func NeedsTarget() error {
	return &fault.Fault{Code: "target-missing", What: "the configuration names no target, and this command is about what runs there", Outcome: fault.Misused,
		Means: "nothing was attempted; production is unchanged",
		Do: []fault.Command{{Line: "fairlead migrate status", Why: "what is applied to the database"},
			{Line: "fairlead init", Why: "writes the target of a compose file, for releases"}}}
}
