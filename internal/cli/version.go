package cli

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return command("version", "Which fairlead this is", cobra.NoArgs, func(context.Context, []string) error {
		v := version()
		if a.json {
			a.printJSON(v)
			return nil
		}
		a.answer("fairlead %s (commit %s, %s, %s)", v.Version, v.Commit, v.Go, v.Platform)
		return nil
	})
}

// built is what the program knows of how it was built.
type built struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"` // built from a tree with changes that no commit holds
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func version() built {
	v := built{Version: "unknown", Commit: "unknown", Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
