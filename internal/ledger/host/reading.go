package host

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fairlead/internal/chain"
	"fairlead/internal/engine"
	"fairlead/internal/fence"
	"fairlead/internal/host"
	"fairlead/internal/wire"
)

// maxCopy is the largest ledger in bytes that is read without an agent.
const maxCopy = 64 << 20

// read asks the agent where it is on the host already. Where it is not, nothing is brought there for the sake of
// reading: the ledger's files are fetched through the bootstrap and read here.
func read[Out, In any](ctx context.Context, l Ledger, blobs bool, op wire.Op, in In,
	here func(*chain.Dir) (Out, error)) (Out, error) {
	var out Out
	ready, err := l.host.Ready(ctx)
	if err != nil {
		return out, err
	}
	if ready {
		return host.Call[Out](ctx, l.host, op, in)
	}
	err = l.copied(ctx, blobs, func(d *chain.Dir) error {
		var err error
		out, err = here(d)
		return err
	})
	return out, err
}

const copyScript = `[ -d "$1" ] || exit 0; cd "$1" && ` +
	`if [ "$2" = blobs ]; then exec tar -cf - .; else exec tar -cf - --exclude ./blobs .; fi`

// copied gives the ledger's files as they are on the host now, in a folder that is removed afterwards.
func (l Ledger) copied(ctx context.Context, blobs bool, use func(*chain.Dir) error) error {
	which := "lines"
	if blobs {
		which = "blobs"
	}
	answers, err := l.host.Run(ctx,
		wire.Command{Argv: []string{"sh", "-c", copyScript, "sh", l.place.Ledger(), which}, Max: maxCopy,
			Timeout: 2 * time.Minute},
		wire.Command{Argv: []string{"sh", "-c", `[ ! -e "$1" ] || cat "$1"`, "sh", l.place.Ticket()}, Max: 1 << 20})
	if err != nil {
		return err
	}
	if answers[0].Code == 1 && len(answers[0].Out) > 0 {
		// a file grew while it was read; its half line is passed over
		answers[0].Code = 0
	}
	if err := errors.Join(answers[0].Err("copy the ledger"), answers[1].Err("read the fence")); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fairlead-ledger-")
	if err != nil {
		return fmt.Errorf("copy the ledger: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := unpack(answers[0].Out, dir); err != nil {
		return fmt.Errorf("copy the ledger: %w", err)
	}
	d := chain.OpenDir(dir)
	d.Summarizer = engine.Summarizer()
	if err := l.same(d, answers[1].Out); err != nil {
		return err
	}
	return use(d)
}

// same refuses a ledger that is missing, or another one than the host's fence or the caller knows.
func (l Ledger) same(d *chain.Dir, ticket []byte) error {
	var known fence.Ticket
	if len(ticket) > 0 {
		if err := json.Unmarshal(ticket, &known); err != nil {
			return fmt.Errorf("read the fence: %w", err)
		}
	}
	id, _, _, err := d.Head()
	if err != nil {
		return err
	}
	for who, want := range map[string]string{"the host": known.Ledger, "the operator": l.place.Expect} {
		switch {
		case want == "" || id == want:
		case id == "":
			return fmt.Errorf("%w: %s knows the ledger %s, and there is none in %s", chain.ErrMissing, who, want,
				l.place.Ledger())
		default:
			return fmt.Errorf("%w: %s knows %s, in %s is %s", fence.ErrOtherLedger, who, want, l.place.Ledger(), id)
		}
	}
	return nil
}

// unpack writes the plain files of an archive below dir.
func unpack(archive []byte, dir string) error {
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Clean(strings.TrimPrefix(h.Name, "./"))
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(name) {
			continue
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, b, 0o600); err != nil {
			return err
		}
	}
}
