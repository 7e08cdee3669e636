// Package configtest is for tests only: it knows all owners of parts of fairlead.yaml at once, and holds what is
// published about the file (docs/schema, docs/configuration.md) to what they decode. A new adapter stands in Owners.
// `go test ./internal/config/configtest -update` writes both anew.
package configtest

import (
	"fairlead/internal/assemble"
	"fairlead/internal/backup/dir"
	hoststore "fairlead/internal/backup/host"
	"fairlead/internal/backup/s3"
	"fairlead/internal/backup/sealed"
	"fairlead/internal/database/postgres"
	"fairlead/internal/target/compose"
)

// Owners gives the struct that each Block is decoded into, by dotted key and kind, as config.Schema takes them.
func Owners() map[string]map[string]any {
	channels := assemble.Channels()
	sources := map[string]any{}
	for _, word := range assemble.Sources() {
		sources[word] = nil
	}
	return map[string]map[string]any{
		"release.source":    sources,
		"database":          {"": postgres.Config{}},
		"backup.store":      {"dir": dir.Config{}, "s3": s3.Config{}, "host": hoststore.Config{}},
		"backup.encryption": {"age": sealed.Config{}, "none": sealed.None{}},
		"target":            {"compose": compose.Config{}},
		"record.notify":     channels,
		"escalation.notify": channels,
	}
}
