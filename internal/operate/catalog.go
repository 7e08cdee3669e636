package operate

import (
	"context"
	"net/url"
	"strings"

	"fairlead/internal/assemble"
	"fairlead/internal/config"
	"fairlead/internal/sqlreview"
)

// maxCatalogFile is how large a catalog may be as a file.
const maxCatalogFile = 64 << 20

// A Workplace is what commands without a project need of where they run.
type Workplace struct {
	ConfigPath string
	Env        func(string) (string, bool)
	Warn       func(text string)
}

// Catalog gives the catalog that a call names: a file, a database, or none (nil).
func (w Workplace) Catalog(ctx context.Context, file, database string) (*sqlreview.Catalog, error) {
	switch {
	case file != "" && database != "":
		return nil, Misused("--catalog and --database: name one of them")
	case file != "":
		b, err := ReadFile(file, maxCatalogFile)
		if err != nil {
			return nil, Misused("--catalog %s: %w", file, err)
		}
		c, err := sqlreview.DecodeCatalog(b)
		if err != nil {
			return nil, Misused("--catalog %s: %w", file, err)
		}
		return c, nil
	case database == "":
		return nil, nil
	case database == "config":
		c, err := config.Load(w.ConfigPath, w.Env)
		if err != nil {
			return nil, err
		}
		return assemble.CatalogOf(ctx, c)
	}
	at, err := w.databaseURL("--database", database)
	if err != nil {
		return nil, err
	}
	return assemble.CatalogAt(ctx, at)
}

// databaseURL reads a URL from an argument: itself, or env:NAME. A password among the arguments is seen by everybody on
// the machine.
func (w Workplace) databaseURL(flag, value string) (config.Secret, error) {
	if name, ok := strings.CutPrefix(value, "env:"); ok {
		v, set := w.Env(name)
		if !set || v == "" {
			return config.Secret{}, Misused("%s env:%s: the variable %s is not set", flag, name, name)
		}
		return config.NewSecret(v), nil
	}
	if u, err := url.Parse(value); err == nil {
		if _, password := u.User.Password(); password {
			w.Warn("warning: " + flag + " holds a password, and other users of this machine can see arguments; " +
				flag + " env:NAME reads the URL from a variable")
		}
	}
	return config.NewSecret(value), nil
}
