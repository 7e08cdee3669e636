package config

import (
	"strings"
	"time"

	"fairlead/internal/fault"
)

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

func (v *validator) migration(m Migration) {
	v.time("migration.timeout", m.Timeout, 24*time.Hour)
	if m.Env == "" || strings.Trim(m.Env, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		v.bad("migration.env", "migration.env must be the name of a variable, it is %q", fault.Clip(m.Env, maxShown))
	}
}
