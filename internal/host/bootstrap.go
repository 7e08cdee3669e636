package host

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"fairlead/internal/wire"
)

// stageOne is the whole command that is given to ssh. Every login shell reads it the same way; it takes the second
// stage as one line from standard input.
const stageOne = `exec sh -c 'IFS= read -r s && eval "$s"'`

// magic begins the line after which answers follow. Login banners come before it.
const magic = "fairlead-bootstrap/1"

// kept are the variables that the host's own environment contributes; everything else is cleaned away.
const kept = "PATH HOME DOCKER_HOST DOCKER_CONFIG DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH XDG_RUNTIME_DIR " +
	"SSH_AUTH_SOCK " +
	"HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy"

// stageTwo cleans the environment, says who answers, and then evaluates one line after the other.
func stageTwo(nonce string) string {
	var env strings.Builder
	for _, v := range strings.Fields(kept) {
		fmt.Fprintf(&env, `${%s+%s="$%s"} `, v, v, v)
	}
	loop := `N=$(printf "\nx"); N=${N%x}; printf "\n%s %s %s %s\n%s\n" ` + magic + " " + nonce +
		` "$(uname -s)" "$(uname -m)" "$HOME"; while IFS= read -r q; do eval "$q"; done`
	return "exec env -i " + env.String() + "LC_ALL=C sh -c " + wire.Quote(loop) + "\n"
}

// commandLine is the line that runs one command: its output as it comes, then a line break, the marker, the exit
// status, the length of what it complained, and the complaint.
func commandLine(c wire.Command, marker string) string {
	argv := c.Argv
	if len(c.Env) > 0 {
		argv = append(append([]string{"env"}, c.Env...), argv...)
	}
	return answering(wire.QuoteAll(argv)+" </dev/null", marker)
}

func answering(text, marker string) string {
	return `{ e=$({ ` + text + `; } 2>&1 1>&3 3>&-); c=$?; } 3>&1; printf "\n%s %s %s\n%s" ` + marker +
		` "$c" "${#e}" "$e"` + "\n"
}

// facts is what the bootstrap says of its host.
type facts struct{ os, arch, home string }

// readFacts passes over banners up to the magic line of this connection.
func readFacts(r *bufio.Reader, nonce string) (facts, error) {
	const limit = 1 << 20
	want := magic + " " + nonce + " "
	for seen := 0; seen < limit; {
		line, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return facts{}, fmt.Errorf("wait for the host's shell: %w", err)
		}
		seen += len(line)
		rest, ok := strings.CutPrefix(string(line), want)
		if !ok {
			continue
		}
		w := strings.Fields(rest)
		home, err := r.ReadSlice('\n')
		if err != nil || len(w) != 2 {
			return facts{}, errors.New("the host's shell gave a malformed answer")
		}
		return facts{os: strings.ToLower(w[0]), arch: goArch(w[1]), home: strings.TrimSuffix(string(home), "\n")}, nil
	}
	return facts{}, errors.New("the host's shell talked too much before it answered")
}

func goArch(machine string) string {
	switch machine {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return machine
}

// readAnswer reads what commandLine's line leaves. An output of more than max bytes is an error, after which the
// connection is of no use any more.
func readAnswer(r *bufio.Reader, marker string, max int64) (wire.Answer, error) {
	var out bytes.Buffer
	start := true
	prefix := []byte(marker + " ")
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return wire.Answer{}, fmt.Errorf("read an answer: %w", noEOF(err))
		}
		if start && bytes.HasPrefix(line, prefix) {
			return readEnd(r, bytes.TrimSuffix(out.Bytes(), []byte("\n")), string(line[len(prefix):]))
		}
		if int64(out.Len()+len(line)) > max+1 {
			return wire.Answer{}, fmt.Errorf("read an answer: more than %d bytes", max)
		}
		out.Write(line)
		start = err == nil
	}
}

func readEnd(r *bufio.Reader, out []byte, rest string) (wire.Answer, error) {
	w := strings.Fields(rest)
	if len(w) != 2 {
		return wire.Answer{}, errors.New("read an answer: malformed end")
	}
	code, err1 := strconv.Atoi(w[0])
	n, err2 := strconv.Atoi(w[1])
	if err1 != nil || err2 != nil || n < 0 || n > 1<<20 {
		return wire.Answer{}, errors.New("read an answer: malformed end")
	}
	said := make([]byte, n)
	if _, err := io.ReadFull(r, said); err != nil {
		return wire.Answer{}, fmt.Errorf("read an answer: %w", noEOF(err))
	}
	return wire.Answer{Code: code, Out: out, Stderr: string(said)}, nil
}

// noEOF turns an end in the middle into what it is.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// run sends all commands at once and reads the answers in order: one exchange.
func (c *conn) run(ctx context.Context, commands []wire.Command) ([]wire.Answer, error) {
	var text strings.Builder
	markers := make([]string, len(commands))
	for i, cmd := range commands {
		markers[i] = c.marker()
		text.WriteString(commandLine(cmd, markers[i]))
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c.stdin, text.String())
		sent <- err
	}()
	answers, err := c.readAnswers(ctx, commands, markers)
	if err != nil {
		c.kill()
	}
	if e := <-sent; err == nil && e != nil {
		return nil, fmt.Errorf("send to the host: %w", e)
	}
	return answers, err
}

func (c *conn) readAnswers(ctx context.Context, commands []wire.Command, markers []string) ([]wire.Answer, error) {
	var answers []wire.Answer
	for i, cmd := range commands {
		limit, timeout := cmd.Limits()
		one, cancel := context.WithTimeout(ctx, timeout)
		stop := context.AfterFunc(one, c.kill)
		a, err := readAnswer(c.out, markers[i], limit)
		stop()
		cause := one.Err()
		cancel()
		if err != nil && cause != nil {
			return nil, fmt.Errorf("wait for %s: %w", cmd.Argv[0], cause)
		}
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}
