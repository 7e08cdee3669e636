// Package config reads fairlead.yaml: strictly, with line and column on every error. It knows the shape of the file and nothing of
// what adapters mean by their parts of it: those stay Blocks until their owner decodes them. It opens no connection and keeps no
// secret outside the Secret type. Start with Load; Config is the file.
package config

import "time"

// Config is fairlead.yaml. Defaults are the runbook's. Paths of type Path are relative to the file and absolute once loaded.
type Config struct {
	App         string     `yaml:"app,required" doc:"Name of the application; a release of another app is refused."`
	Environment string     `yaml:"environment,required" doc:"Name of the environment, like production. App and environment name the ledger."`
	Release     Release    `yaml:"release" doc:"Where releases come from."`
	Registry    Registry   `yaml:"registry" doc:"How registries are reached."`
	Approval    Approval   `yaml:"approval" doc:"Who must say yes. Needed with a target; without one, a migration asks for a typed confirmation."`
	Database    Block      `yaml:"database" doc:"The database that migrations are applied to. Absent when the app has none."`
	Migration   Migration  `yaml:"migration" doc:"How a migration that is a command of the team's own tool is run."`
	Backup      Backup     `yaml:"backup" doc:"Where the backup before a migration is kept."`
	Rehearse    Rehearse   `yaml:"rehearse" doc:"Whether a migration is tried on a scratch copy of the backup first. A bare word is its mode."`
	Review      Review     `yaml:"review" doc:"What a team makes of the reviewer of migrations."`
	Ledger      Ledger     `yaml:"ledger" doc:"Where the ledger is kept when there is no target. With a target it lives on the target's first host."`
	Target      Block      `yaml:"target,kind" doc:"The place that runs the app. Without one, only migrations are applied (fairlead migrate), and ledger is needed."`
	Health      Health     `yaml:"health" doc:"The looks that a new version must pass after it was deployed. Needed with a target."`
	Smoke       Smoke      `yaml:"smoke" doc:"The checks that follow health."`
	Record      Record     `yaml:"record" doc:"Who is told."`
	OnFailure   OnFailure  `yaml:"on_failure" doc:"What happens when a run fails after production began to change."`
	Escalation  Escalation `yaml:"escalation" doc:"Who decides when a person must."`

	root Block
}

// Release says where releases come from.
type Release struct {
	Source string `yaml:"source" enum:"file" later:"github|staging-host" doc:"Kind of source."`
	Path   Path   `yaml:"path" doc:"The release file, or a directory with one folder or file per tag."`
}

// Defaults fills in release.json beside the file.
func (r *Release) Defaults() { r.Source, r.Path = "file", "release.json" }

// Registry says how registries are reached. Credentials are those of the user's docker configuration.
type Registry struct {
	PlainHTTP []string `yaml:"plain_http" doc:"Registry hosts (host:port) that are spoken to without TLS."`
}

// Approval says who must say yes to a plan.
type Approval struct {
	From   string `yaml:"from,required" enum:"none" later:"signature|github-environment" doc:"Where the approval comes from. none asks for a typed confirmation and needs a reason."`
	Reason string `yaml:"reason" doc:"Why nobody else approves; stands in the record."`
}

// Ledger says where the ledger of a configuration without target is kept. Durable says that the directory outlives this machine's job
// although a CI system runs it.
type Ledger struct {
	Kind    string `yaml:"kind" enum:"dir" doc:"Kind of ledger."`
	Path    Path   `yaml:"path,required" doc:"Directory that keeps the ledger, for this app in this environment alone; made with the first run. Everybody who migrates must reach the same one."`
	Durable bool   `yaml:"durable" doc:"Says that the directory outlives this machine's job although a CI system runs it (a mounted volume)."`
}

// Defaults fills in a directory.
func (l *Ledger) Defaults() { l.Kind = "dir" }

// Backup says where backups are kept.
type Backup struct {
	Store  Block  `yaml:"store,required,kind" doc:"The store."`
	URL    Secret `yaml:"url" doc:"URL of the same database with the role that takes the dump; database.url when absent. It goes the way of database.via."`
	Role   string `yaml:"role" doc:"Role that the dump is taken in (SET ROLE)."`
	Verify string `yaml:"verify" enum:"L1|L2|L3" doc:"What a backup must prove before anything is migrated. L1: it reads back as written. L2: the whole archive is read, its contents and rows are those of its snapshot. L3: it is also restored into a scratch database on the same server, which takes the space of a second copy there."`
	Format string `yaml:"format" enum:"custom|directory" doc:"Format of the dump. custom: one stream into the store. directory: for big databases, taken and restored by several sessions at once; it stands in scratch for a while and is kept as one tar."`
	Jobs   int    `yaml:"jobs" doc:"By how many sessions at once a dump of format directory is taken and restored, 1 to 32; by the cores of this machine, 2 to 4, when absent."`

	Scratch Path `yaml:"scratch" doc:"Folder below which the files of a dump of format directory stand while it is taken, verified or restored; made with mode 0700 when it is missing. The folder of a store of kind dir when absent, else one in the state directory of fairlead."`

	Quiesce Quiesce `yaml:"quiesce" doc:"Commands that stop what writes to the database before the backup, and resume it once the new version runs, or on any other ending. Without them, what is written after the snapshot is lost by a restore."`

	Encryption  Block  `yaml:"encryption,kind" doc:"Whether and to whom backups are encrypted. Needed for stores on other machines (s3)."`
	Compression string `yaml:"compression" enum:"archive|zstd" doc:"archive: the dump is compressed inside (gzip 1) and kept as it comes. zstd: it is not, and what is kept is compressed by fairlead: a third smaller and no slower, but pg_restore needs it unpacked (fairlead does that)."`
	Keep        Keep   `yaml:"keep" doc:"Which backups fairlead backup prune leaves alone, besides those that it always does."`
}

// Quiesce stops writers. The commands run on this machine, in the current folder, without a shell; both must do no harm when there is
// nothing to do.
type Quiesce struct {
	Command []string      `yaml:"command" doc:"Stops what writes: program and arguments. A status other than 0 stops the release."`
	Resume  []string      `yaml:"resume" doc:"Resumes it: program and arguments."`
	Timeout time.Duration `yaml:"timeout" doc:"How long each may take."`
}

// Defaults fills in a minute.
func (q *Quiesce) Defaults() { q.Timeout = time.Minute }

// Keep is retention: a backup goes only when it is older than Days and there are Count newer ones.
type Keep struct {
	Days  int `yaml:"days" doc:"Backups that are younger stay."`
	Count int `yaml:"count" doc:"That many newest backups stay, however old."`
}

// Defaults fills in a fortnight, and five at least.
func (k *Keep) Defaults() { k.Days, k.Count = 14, 5 }

// Defaults fills in L2, custom, compressed inside.
func (b *Backup) Defaults() { b.Verify, b.Format, b.Compression = "L2", "custom", "archive" }

// Health is the window of looks after the deployment: up to Attempts looks, Every apart, the first Successes in a row pass.
type Health struct {
	Checks    []string      `yaml:"checks,required" doc:"URLs that must answer 200."`
	Every     time.Duration `yaml:"every" doc:"Time between two looks."`
	Attempts  int           `yaml:"attempts" doc:"How many looks there are at most."`
	Successes int           `yaml:"successes" doc:"How many looks in a row must pass."`
	Timeout   time.Duration `yaml:"timeout" doc:"How long one look may take."`
	From      string        `yaml:"from" enum:"operator" later:"host" doc:"Where the looks are made from."`
}

// Defaults fills in the runbook's window: twelve looks, ten seconds apart, one success is enough.
func (h *Health) Defaults() {
	*h = Health{Every: 10 * time.Second, Attempts: 12, Successes: 1, Timeout: 5 * time.Second, From: "operator"}
}

// Smoke is what is checked once health passes.
type Smoke struct {
	HTTP    []SmokeHTTP   `yaml:"http" doc:"HTTP checks."`
	Timeout time.Duration `yaml:"timeout" doc:"How long one check may take."`
}

// Defaults fills in ten seconds for a check.
func (s *Smoke) Defaults() { s.Timeout = 10 * time.Second }

// SmokeHTTP is one request and what must come back. An advisory check (Required false) is reported and decides nothing.
type SmokeHTTP struct {
	URL      string `yaml:"url,required" doc:"What is fetched."`
	Status   int    `yaml:"status" doc:"The status that must come back."`
	Contains string `yaml:"contains" doc:"Text that the first MiB of the answer must contain."`
	Required bool   `yaml:"required" doc:"Whether a failure fails the run; false makes the check advisory."`
}

// Defaults fills in status 200, required.
func (s *SmokeHTTP) Defaults() { s.Status, s.Required = 200, true }

// Record says who is told about a run.
type Record struct {
	Notify []Block `yaml:"notify,kind" doc:"Channels that get a note."`
}

// OnFailure says what happens when a run fails after production began to change, by whether a unit of the migration was committed.
type OnFailure struct {
	Unmigrated string `yaml:"unmigrated" enum:"rollback|ask" doc:"When no migration was applied."`
	Migrated   string `yaml:"migrated" enum:"ask" later:"rollback-if-compatible" doc:"When a migration was applied: the schema never goes back by itself."`
}

// Defaults fills in the runbook's: roll back, but ask after a migration.
func (o *OnFailure) Defaults() { o.Unmigrated, o.Migrated = "rollback", "ask" }

// Escalation names who decides when a person must.
type Escalation struct {
	Lead   string  `yaml:"lead" doc:"Name or handle of the engineering lead."`
	Notify []Block `yaml:"notify,kind" doc:"Channels that are told when a person must decide; those of record otherwise."`
}

// Errorf gives an error at a key of the file, like "health.checks.0". A key that does not stand there is reported at the nearest
// one that does.
func (c Config) Errorf(key, format string, args ...any) error {
	return c.root.Errorf(key, format, args...)
}
