// Package config reads fairlead.yaml: strictly, with line and column on every error. It knows the shape of the file and
// nothing of what adapters mean by their parts of it: those stay Blocks until their owner decodes them. It opens no
// connection and keeps no secret outside the Secret type. Start with Load; Config is the file.
package config

import "time"

// Config is fairlead.yaml. Defaults are the runbook's. Paths of type Path are relative to the file and absolute once
// loaded.
type Config struct {
	// Name of the application; a release of another app is refused.
	App string `yaml:"app,required"`
	// Name of the environment, like production. App and environment name the ledger.
	Environment string `yaml:"environment,required"`
	// Where releases come from.
	Release Release `yaml:"release"`
	// How registries are reached.
	Registry Registry `yaml:"registry"`
	// Who must say yes. Needed with a target; without one, a migration asks for a typed confirmation.
	Approval Approval `yaml:"approval"`
	// The database that migrations are applied to. Absent when the app has none.
	Database Block `yaml:"database"`
	// How a migration that is a command of the team's own tool is run.
	Migration Migration `yaml:"migration"`
	// Where the backup before a migration is kept.
	Backup Backup `yaml:"backup"`
	// Whether a migration is tried on a scratch copy of the backup first. A bare word is its mode.
	Rehearse Rehearse `yaml:"rehearse"`
	// What a team makes of the reviewer of migrations.
	Review Review `yaml:"review"`
	// Where the ledger is kept when there is no target. With a target it lives on the target's first host.
	Ledger Ledger `yaml:"ledger"`
	// The place that runs the app. Without one, only migrations are applied (fairlead migrate), and ledger is needed.
	Target Block `yaml:"target,kind"`
	// The looks that a new version must pass after it was deployed. Needed with a target.
	Health Health `yaml:"health"`
	// The checks that follow health.
	Smoke Smoke `yaml:"smoke"`
	// Who is told.
	Record Record `yaml:"record"`
	// What happens when a run fails after production began to change.
	OnFailure OnFailure `yaml:"on_failure"`
	// Who decides when a person must.
	Escalation Escalation `yaml:"escalation"`

	root Block
}

// Release says where releases come from.
type Release struct {
	// Kind of source.
	Source string `yaml:"source"`
	// The release file, or a directory with one folder or file per tag.
	Path Path `yaml:"path"`
}

// Defaults fills in release.json beside the file.
func (r *Release) Defaults() { r.Source, r.Path = "file", "release.json" }

// Registry says how registries are reached. Credentials are those of the user's docker configuration.
type Registry struct {
	// Registry hosts (host:port) that are spoken to without TLS.
	PlainHTTP []string `yaml:"plain_http"`
}

// Approval says who must say yes to a plan.
type Approval struct {
	// Where the approval comes from. none asks for a typed confirmation and needs a reason.
	From string `yaml:"from,required" enum:"none" later:"signature|github-environment"`
	// Why nobody else approves; stands in the record.
	Reason string `yaml:"reason"`
}

// Ledger says where the ledger of a configuration without target is kept. Durable says that the directory outlives this
// machine's job although a CI system runs it.
type Ledger struct {
	// Kind of ledger.
	Kind string `yaml:"kind" enum:"dir"`
	// Directory that keeps the ledger, for this app in this environment alone; made with the first run. Everybody who
	// migrates must reach the same one.
	Path Path `yaml:"path,required"`
	// Says that the directory outlives this machine's job although a CI system runs it (a mounted volume).
	Durable bool `yaml:"durable"`
}

// Defaults fills in a directory.
func (l *Ledger) Defaults() { l.Kind = "dir" }

// Migration says how a migration that is a command is run.
type Migration struct {
	// Variable of the command's environment that holds the URL of the database, which never stands among its arguments.
	Env string `yaml:"env"`
	// Form in which it stands there: as database.url has it, or as a connection string of .NET.
	Form string `yaml:"form" enum:"url|npgsql"`
	// How long the command may run; it is stopped then, and how it ended is unknown.
	Timeout time.Duration `yaml:"timeout"`
}

// Defaults fills in DATABASE_URL, as it stands in the file, and half an hour.
func (m *Migration) Defaults() {
	*m = Migration{Env: "DATABASE_URL", Form: "url", Timeout: 30 * time.Minute}
}

// Backup says where backups are kept.
type Backup struct {
	// The store.
	Store Block `yaml:"store,required,kind"`
	// URL of the same database with the role that takes the dump; database.url when absent. It goes the way of
	// database.via.
	URL Secret `yaml:"url"`
	// Role that the dump is taken in (SET ROLE).
	Role string `yaml:"role"`
	// What a backup must prove before anything is migrated. L1: it reads back as written. L2: the whole archive is
	// read, its contents and rows are those of its snapshot. L3: it is also restored into a scratch database on the
	// same server, which takes the space of a second copy there.
	Verify string `yaml:"verify" enum:"L1|L2|L3"`
	// Format of the dump. custom: one stream into the store. directory: for big databases, taken and restored by
	// several sessions at once; it stands in scratch for a while and is kept as one tar.
	Format string `yaml:"format" enum:"custom|directory"`
	// By how many sessions at once a dump of format directory is taken and restored, 1 to 32; by the cores of this
	// machine, 2 to 4, when absent.
	Jobs int `yaml:"jobs"`

	// Folder below which the files of a dump of format directory stand while it is taken, verified or restored; made
	// with mode 0700 when it is missing. The folder of a store of kind dir when absent, else one in the state directory
	// of fairlead.
	Scratch Path `yaml:"scratch"`

	// Commands that stop what writes to the database before the backup, and resume it once the new version runs, or on
	// any other ending. Without them, what is written after the snapshot is lost by a restore.
	Quiesce Quiesce `yaml:"quiesce"`

	// Whether and to whom backups are encrypted. Needed for stores on other machines (s3).
	Encryption Block `yaml:"encryption,kind"`
	// archive: the dump is compressed inside (gzip 1) and kept as it comes. zstd: it is not, and what is kept is
	// compressed by fairlead: a third smaller and no slower, but pg_restore needs it unpacked (fairlead does that).
	Compression string `yaml:"compression" enum:"archive|zstd"`
	// Which backups fairlead backup prune leaves alone, besides those that it always does.
	Keep Keep `yaml:"keep"`
}

// Quiesce stops writers. The commands run on this machine, in the current folder, without a shell; both must do no harm
// when there is nothing to do.
type Quiesce struct {
	// Stops what writes: program and arguments. A status other than 0 stops the release.
	Command []string `yaml:"command"`
	// Resumes it: program and arguments.
	Resume []string `yaml:"resume"`
	// How long each may take.
	Timeout time.Duration `yaml:"timeout"`
}

// Defaults fills in a minute.
func (q *Quiesce) Defaults() { q.Timeout = time.Minute }

// Keep is retention: a backup goes only when it is older than Days and there are Count newer ones.
type Keep struct {
	// Backups that are younger stay.
	Days int `yaml:"days"`
	// That many newest backups stay, however old.
	Count int `yaml:"count"`
}

// Defaults fills in a fortnight, and five at least.
func (k *Keep) Defaults() { k.Days, k.Count = 14, 5 }

// Defaults fills in L2, custom, compressed inside.
func (b *Backup) Defaults() { b.Verify, b.Format, b.Compression = "L2", "custom", "archive" }

// Health is the window of looks after the deployment: up to Attempts looks, Every apart, the first Successes in a row
// pass.
type Health struct {
	// URLs that must answer 200.
	Checks []string `yaml:"checks,required"`
	// Time between two looks.
	Every time.Duration `yaml:"every"`
	// How many looks there are at most.
	Attempts int `yaml:"attempts"`
	// How many looks in a row must pass.
	Successes int `yaml:"successes"`
	// How long one look may take.
	Timeout time.Duration `yaml:"timeout"`
	// Where the looks are made from.
	From string `yaml:"from" enum:"operator" later:"host"`
}

// Defaults fills in the runbook's window: twelve looks, ten seconds apart, one success is enough.
func (h *Health) Defaults() {
	*h = Health{Every: 10 * time.Second, Attempts: 12, Successes: 1, Timeout: 5 * time.Second, From: "operator"}
}

// Smoke is what is checked once health passes.
type Smoke struct {
	// HTTP checks.
	HTTP []SmokeHTTP `yaml:"http"`
	// How long one check may take.
	Timeout time.Duration `yaml:"timeout"`
}

// Defaults fills in ten seconds for a check.
func (s *Smoke) Defaults() { s.Timeout = 10 * time.Second }

// SmokeHTTP is one request and what must come back. An advisory check (Required false) is reported and decides nothing.
type SmokeHTTP struct {
	// What is fetched.
	URL string `yaml:"url,required"`
	// The status that must come back.
	Status int `yaml:"status"`
	// Text that the first MiB of the answer must contain.
	Contains string `yaml:"contains"`
	// Whether a failure fails the run; false makes the check advisory.
	Required bool `yaml:"required"`
}

// Defaults fills in status 200, required.
func (s *SmokeHTTP) Defaults() { s.Status, s.Required = 200, true }

// Record says who is told about a run.
type Record struct {
	// Channels that get a note.
	Notify []Block `yaml:"notify,kind"`
}

// OnFailure says what happens when a run fails after production began to change, by whether a unit of the migration was
// committed.
type OnFailure struct {
	// When no migration was applied.
	Unmigrated string `yaml:"unmigrated" enum:"rollback|ask"`
	// When a migration was applied: the schema never goes back by itself.
	Migrated string `yaml:"migrated" enum:"ask" later:"rollback-if-compatible"`
}

// Defaults fills in the runbook's: roll back, but ask after a migration.
func (o *OnFailure) Defaults() { o.Unmigrated, o.Migrated = "rollback", "ask" }

// Escalation names who decides when a person must.
type Escalation struct {
	// Name or handle of the engineering lead.
	Lead string `yaml:"lead"`
	// Channels that are told when a person must decide; those of record otherwise.
	Notify []Block `yaml:"notify,kind"`
}

// Errorf gives an error at a key of the file, like "health.checks.0". A key that does not stand there is reported at
// the nearest one that does.
func (c Config) Errorf(key, format string, args ...any) error {
	return c.root.Errorf(key, format, args...)
}
