package step

import (
	"errors"
	"fmt"

	"fairlead/internal/fault"
	"fairlead/internal/migrator"
	"fairlead/internal/release"
	"fairlead/internal/sqltext"
)

// A Migration is what is applied, with a release around it or alone: a file of SQL, or a command of the team's own
// tool.
type Migration struct {
	File    string // as the record names it
	SQL     []byte
	Script  sqltext.Script    // of SQL, once a Parser has read it
	Command release.Migration // instead of SQL
	Dir     string            // in which the command runs
	Whole   bool              // sent whole where the parser does not know it, as apply_mode: single says for every file

	// Of a migration alone.
	NoBackup string // why no backup is taken; "" takes one
	Again    string // why it is applied although it was; "" applies it once
	By       string // who decided so
}

// Commanded tells whether it is a command.
func (m Migration) Commanded() bool { return m.Command.Commanded() }

// SHA256 names it in markers and records: of the exact bytes, or of the command with its files.
func (m Migration) SHA256() string {
	if m.Commanded() {
		return m.Command.SHA256
	}
	return release.SumDigest(m.SQL).Hex()
}

// Units counts what is marked on its own: a command is one unit, that nobody can look into.
func (m Migration) Units() int {
	if m.Commanded() {
		return 1
	}
	return len(m.Script.Units)
}

// A Parser reads migrations as the configuration says.
type Parser struct {
	Whole      bool // a file that the parser does not know is taken whole
	Markerless bool // nothing of fairlead stands in the database: what can be in no transaction is refused
}

// Parse gives the migration with its script, or says why it cannot be applied. A command has none.
func (p Parser) Parse(m Migration) (Migration, error) {
	if m.Commanded() {
		return m, nil
	}
	if migrator.BothWays(m.SQL) {
		return m, bothWays(m.File)
	}
	var err error
	if m.Whole || p.Whole {
		m.Script, _, err = sqltext.ParseOrWhole(m.SQL)
	} else {
		m.Script, err = sqltext.Parse(m.SQL)
	}
	if err == nil {
		err = p.applicable(m.Script)
	}
	if err != nil {
		return m, &fault.Fault{Code: "migration-unreviewable", What: m.File + " cannot be applied as it is",
			Means: "production is unchanged; nothing was attempted", Outcome: fault.Refused, Err: err,
			Do: []fault.Command{{Line: "fairlead review " + m.File, Why: "shows where"}}}
	}
	return m, nil
}

func (p Parser) applicable(s sqltext.Script) error {
	for _, st := range s.Statements {
		if st.CopyData != nil {
			return fmt.Errorf("line %d: rows behind COPY … FROM stdin are not applied yet; write them as INSERT",
				st.Line)
		}
	}
	for _, u := range s.Units {
		if p.Markerless && u.Kind == sqltext.Alone {
			return fmt.Errorf("line %d: %s can be in no transaction, and with database.marker: none nothing "+
				"could tell "+
				"after a crash whether it was applied", u.Statements[0].Line, u.Statements[0].Kind)
		}
	}
	return nil
}

// bothWays refuses a file that holds the way back too: applied as a whole it would undo itself.
func bothWays(file string) error {
	const keep = "sed '/^-- *+goose Down/,$d; /^-- *migrate:down/,$d' %s > up.sql"
	return &fault.Fault{Code: "migration-both-ways", Outcome: fault.Refused,
		What:  file + " holds the migration and its way back, which its tool keeps apart by comments",
		Means: "production is unchanged; nothing was attempted: applied as a whole it would undo itself",
		Do: []fault.Command{{Line: fmt.Sprintf(keep, file),
			Why: "keeps the way forward; review and apply that file"}}}
}

// NotConfigured is the refusal of a migration for which the configuration lacks something; why says what.
func NotConfigured(why string) error {
	return &fault.Fault{Code: "database-not-configured", What: "a migration cannot be applied with this configuration",
		Err: errors.New(why), Means: "production is unchanged; nothing was attempted", Outcome: fault.Refused,
		Do: []fault.Command{{Line: "fairlead migrate plan FILE",
			Why: "after fairlead.yaml names database and backup; docs/migrations.md has the shortest one"}}}
}
