package assemble

import (
	"fairlead/internal/config"
	"fairlead/internal/database/postgres"
)

// SetupSQL gives the statements that make the place of markers and takeover numbers, for a role that may create it. It
// opens no connection; without a database in the configuration it is an error of the configuration.
func SetupSQL(c config.Config) (string, error) {
	if !c.Database.Present() {
		return "", c.Errorf("database", "there is no database in the configuration")
	}
	var d postgres.Config
	if err := c.Database.Decode(&d); err != nil {
		return "", err
	}
	return postgres.SetupSQL(d.Schema), nil
}
