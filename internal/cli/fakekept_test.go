package cli

import (
	"cmp"
	"context"
	"strings"
	"time"

	"fairlead/internal/backup"
	"fairlead/internal/backups"
	"fairlead/internal/engine"
	"fairlead/internal/fault"
)

// keptOnes are a good backup, an encrypted one, and one that nothing vouches for.
func keptOnes() []backup.Entry {
	at := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	return []backup.Entry{
		{Name: "shop-production-r-2-200000.dump", At: at, Size: 60_000_000, Dump: true,
			Label: &backup.Label{Run: "r-2", Level: "L2", Tables: 7, SHA256: strings.Repeat("ab", 32)}},
		{Name: "shop-production-r-1-200000.dump", At: at.AddDate(0, 0, -20), Size: 40_000_000, Dump: true,
			Label: &backup.Label{Run: "r-1", Level: "L2", Tables: 7, Encryption: "age",
				Recipients: []string{"age1a", "age1b"}, Compression: "zstd"}},
		{Name: "shop-production-r-0-200000.dump", At: at.AddDate(0, 0, -21), Size: 10_000_000, Dump: true,
			Trouble: "it has no manifest"},
	}
}

func (p pretend) KeptBackups(context.Context) (backups.Listing, error) {
	if failing("store") {
		return backups.Listing{}, &fault.Fault{Code: "backup-store-unreachable", What: "it does not answer",
			Means: "nothing was attempted; production is unchanged", Outcome: fault.Refused}
	}
	return backups.Listing{Place: "world/backups", Backups: keptOnes(), Notes: []string{"same disk"}}, nil
}

func (p pretend) VerifyBackup(_ context.Context, name, level string,
	say func(engine.Progress)) (backups.Verified, error) {
	say(engine.Progress{Text: "reading back what the store holds", Total: 60_000_000})
	if name != keptOnes()[0].Name {
		return backups.Verified{}, &fault.Fault{Code: "backup-damaged", What: name + " is not what was written",
			Means: "production is unchanged", Outcome: fault.FailedUnchanged}
	}
	b, _ := p.TakeBackup(context.Background(), func(engine.Progress) {})
	v := backups.Verified{Manifest: b.Manifest, Level: cmp.Or(level, "L2"), Recorded: true}
	v.Manifest.Name, v.Manifest.Run = name, "r-2"
	return v, nil
}

func (p pretend) PruneBackups(_ context.Context, dry bool) (backups.Pruned, error) {
	all := keptOnes()
	return backups.Pruned{Place: "world/backups", Dry: dry,
		Judged: []backup.Judgement{{Entry: all[0], Stay: true, Why: "the newest verified one"},
			{Entry: all[1], Why: "older than 14 days, with 1 newer ones"}, {Entry: all[2], Why: "it has no manifest"}},
		Leftover: []backup.Object{{Name: ".fairlead-x.part", Size: 1_000_000, At: all[2].At}}}, nil
}
