package host

import (
	"context"
	"path"
	"strconv"
	"strings"
	"time"

	"fairlead/internal/wire"
)

// fitScript looks whether a file could be written and run at $1, and writes nothing: the nearest folder that exists,
// and what stands against it, or how many KB are free there. Where findmnt is missing, noexec shows only when the agent
// is brought.
const fitScript = `d=$(dirname "$1"); while [ ! -e "$d" ]; do d=$(dirname "$d"); done
case ",$(findmnt -no OPTIONS -T "$d" 2>/dev/null)," in *,noexec,*) echo noexec; exit 0;; esac
if [ ! -d "$d" ] || [ ! -w "$d" ]; then echo closed "$d"; else df -Pk "$d" | awk 'END {print "free", $4}'; fi`

// Fit tells whether the agent could be brought onto the host and run there. It brings nothing. nil also stands for what
// cannot be told beforehand; otherwise the error is a fault that matches ErrNoAgent, or one of a host that cannot be
// reached.
func (h *Host) Fit(ctx context.Context) error {
	ready, err := h.Ready(ctx)
	if ready || err != nil {
		return err
	}
	h.mu.Lock()
	if h.c == nil {
		h.mu.Unlock()
		return nil
	}
	facts, dir := h.c.facts, h.c.agentDirectory(h.o)
	h.mu.Unlock()
	p, err := h.o.Agents.find(facts.os, facts.arch)
	if err != nil {
		return err
	}
	name := path.Join(dir, "fairlead-agent-"+p.sha256)
	if h.o.Mode == Preinstalled {
		return notInstalled(h.o.Address, name)
	}
	answers, err := h.Run(ctx, wire.Command{Argv: []string{"sh", "-c", fitScript, "sh", name},
		Timeout: 20 * time.Second})
	if err != nil {
		return err
	}
	switch word, rest, _ := strings.Cut(strings.TrimSpace(string(answers[0].Out)), " "); word {
	case "noexec":
		return noexec(h.o.Address, name)
	case "closed":
		return notWritten(h.o.Address, name, "the deploy user may not write into "+rest)
	case "free":
		if kb, err := strconv.ParseInt(rest, 10, 64); err == nil && kb<<10 < int64(len(p.content)) {
			return notWritten(h.o.Address, name, "the disk is full")
		}
	}
	return nil
}
