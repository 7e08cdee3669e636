// Command rehearser rehearses a script as its standard input says, for a test that kills it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"fairlead/internal/config"
	"fairlead/internal/database"
	"fairlead/internal/database/postgres"
	"fairlead/internal/sqltext"
)

func main() {
	if err := rehearse(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rehearse() error {
	var told struct {
		URL, Server, Directory, Programs, Archive, SQL string
		Number                                         int64
		Dump                                           database.Dump
	}
	if err := json.NewDecoder(os.Stdin).Decode(&told); err != nil {
		return err
	}
	d, err := postgres.Open(postgres.Config{URL: config.NewSecret(told.URL)}, postgres.Session{Run: "r-one"})
	if err != nil {
		return err
	}
	script, err := sqltext.Parse([]byte(told.SQL))
	if err != nil {
		return err
	}
	r := d.Rehearser(postgres.RehearseConfig{Server: config.NewSecret(told.Server), Directory: told.Directory,
		Programs: told.Programs})
	j := database.Rehearsal{Owner: "shop/production", Run: "r-one", Number: told.Number, Dump: told.Dump,
		Say:     func(text string) { fmt.Println(text) },
		Archive: func(context.Context) (io.ReadCloser, error) { return os.Open(told.Archive) }}
	_, _, err = r.Rehearse(context.Background(), j, script)
	return err
}
