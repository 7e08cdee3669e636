//go:build postgres

package server_test

import (
	"context"
	"strings"
	"testing"

	"fairlead/internal/config"
	"fairlead/internal/database/postgres/server"
	"fairlead/internal/database/postgres/servertest"

	"github.com/jackc/pgx/v5"
)

func TestConnect_says_why_and_never_the_password(t *testing.T) {
	good := servertest.Fresh(t)
	for name, url := range map[string]string{
		"a wrong password":  strings.Replace(good, ":"+servertest.PasswordOf(good)+"@", ":wr0ng-pa55@", 1),
		"nobody listens":    strings.Replace(good, "127.0.0.1:", "127.0.0.9:", 1),
		"a port too large":  strings.Replace(good, "127.0.0.1:", "127.0.0.1:9", 1),
		"no such database":  strings.Replace(good, "?", "x?", 1),
		"TLS that is asked": strings.Replace(good, "sslmode=disable", "sslmode=require", 1),
	} {
		err := firstQuestion(url)
		if err == nil {
			t.Errorf("%s gives no error", name)
		}
		if err != nil && (strings.Contains(err.Error(), servertest.Password) || strings.Contains(err.Error(),
			"wr0ng-pa55") || strings.Contains(err.Error(), servertest.PasswordOf(good))) {
			t.Errorf("%s: the password stands in %q", name, err)
		}
		t.Logf("%s: %v", name, err)
	}
}

// firstQuestion gives what is said first, whether Open or the connection fails.
func firstQuestion(url string) error {
	s, err := server.Open(server.Config{URL: config.NewSecret(url)}, server.Session{Run: "r-one"})
	if err != nil {
		return err
	}
	return s.With(context.Background(), func(context.Context, *pgx.Conn) error { return nil })
}
