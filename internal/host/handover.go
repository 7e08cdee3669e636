package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"fairlead/internal/wire"
)

// Mode says how the agent comes onto a host.
type Mode string

// The modes. The empty Mode is Upload.
const (
	Upload       Mode = "upload"
	Preinstalled Mode = "preinstalled"
)

// The words of the hand-over line.
const (
	missing = "fairlead-agent-missing"
	unfit   = "fairlead-agent-unfit"
)

// handOver makes the connection speak the agent's protocol. The agent is named by the hash of its bytes and verified
// before use. Where it is not there it is sent, or, when bring is false, the fault matches ErrNoAgent and the bootstrap
// goes on.
func (c *conn) handOver(ctx context.Context, o Options, bring bool) error {
	p, err := o.Agents.find(c.facts.os, c.facts.arch)
	if err != nil {
		return err
	}
	name := path.Join(c.agentDirectory(o), "fairlead-agent-"+p.sha256)
	answer, err := c.tryAgent(ctx, name, p)
	if err == nil && answer == missing {
		if o.Mode == Preinstalled || !bring {
			return notInstalled(o.Address, name)
		}
		if err := c.upload(ctx, o.Address, name, p); err != nil {
			return err
		}
		answer, err = c.tryAgent(ctx, name, p)
	}
	switch {
	case err != nil:
		return err
	case answer == unfit:
		return noexec(o.Address, name)
	case answer == missing:
		return fmt.Errorf("the agent %s is not what was sent", name)
	}
	c.mux = newMux(c.stdin, c.out, c.kill)
	return nil
}

func (c *conn) agentDirectory(o Options) string {
	if o.AgentDirectory != "" {
		return o.AgentDirectory
	}
	return path.Join(c.facts.home, ".fairlead", "agents")
}

// tryAgent verifies the agent on the host and becomes it. It gives missing, unfit, or wire.Magic when frames follow.
func (c *conn) tryAgent(ctx context.Context, name string, p program) (string, error) {
	mark := c.marker()
	q := wire.Quote(name)
	line := fmt.Sprintf(`if [ "$(sha256sum 2>/dev/null <%s | cut -c1-64)" = %s ] 2>/dev/null; then if %s version `+
		`>/dev/null 2>&1; then exec %s serve %s; else printf "\n%s %s\n"; fi; else printf "\n%s %s\n"; fi`,
		q, p.sha256, q, q, mark, unfit, mark, missing, mark)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, c.kill)()
	if _, err := io.WriteString(c.stdin, line+"\n"); err != nil {
		return "", fmt.Errorf("ask for the agent: %w", err)
	}
	for seen := 0; seen < 1<<16; {
		l, err := c.out.ReadString('\n')
		if err != nil {
			return "", fmt.Errorf("wait for the agent: %w", errors.Join(noEOF(err), ctx.Err()))
		}
		seen += len(l)
		word, rest, _ := strings.Cut(strings.TrimSpace(l), " ")
		if rest == mark {
			return word, nil
		}
	}
	return "", errors.New("wait for the agent: the host talks too much")
}

// upload sends the agent. Whatever goes wrong ends the shell there, so that bytes of a program are never read as
// commands.
func (c *conn) upload(ctx context.Context, a Address, name string, p program) error {
	mark := c.marker()
	dir, part := wire.Quote(path.Dir(name)), wire.Quote(name+".part")
	script := fmt.Sprintf(`umask 077; mkdir -p %s && head -c %d >%s.$$ && [ "$(sha256sum <%s.$$ | cut -c1-64)" = %s `+
		`] && chmod 700 %s.$$ && mv -f %s.$$ %s`,
		dir, len(p.content), part, part, p.sha256, part, part, wire.Quote(name))
	line := `e=$({ ` + script + `; } 2>&1); c=$?; [ $c = 0 ] || rm -f ` + part + `.$$; printf "\n%s %s %s\n%s" ` +
		mark + ` "$c" "${#e}" "$e"; [ $c = 0 ] || exit 1`
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, c.kill)()
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c.stdin, line+"\n")
		if err == nil {
			_, err = c.stdin.Write(p.content)
		}
		sent <- err
	}()
	answer, err := readAnswer(c.out, mark, 1<<16)
	if err != nil || answer.Code != 0 {
		c.kill()
	}
	wrote := <-sent
	switch {
	case err != nil:
		return fmt.Errorf("send the agent: %w", errors.Join(err, ctx.Err()))
	case answer.Code != 0:
		return notWritten(a, name, lastLine(answer.Stderr))
	case wrote != nil:
		return fmt.Errorf("send the agent: %w", wrote)
	}
	return nil
}
