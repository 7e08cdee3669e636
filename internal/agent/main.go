package agent

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fairlead/internal/wire"
)

// ErrUsage is given for arguments that only a person would type.
var ErrUsage = errors.New("fairlead-agent is started by fairlead; there is nothing to type here")

// Main is the agent's program: "version", "serve NONCE" (frames on in and out, after a line with the nonce), "roll
// FOLDER" (the detached process of an attempt). program is the path of its own file.
func Main(ctx context.Context, program, version string, args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "version":
		_, err := fmt.Fprintln(out, version)
		return err
	case len(args) == 2 && args[0] == "serve":
		if _, err := fmt.Fprintf(out, "\n%s %s\n", wire.Magic, args[1]); err != nil {
			return err
		}
		return Server{Program: program, Version: version}.Serve(ctx, in, out)
	case len(args) == 2 && args[0] == "roll":
		return Runner{Program: program}.Run(args[1])
	}
	return ErrUsage
}
