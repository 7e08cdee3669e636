// Package host reaches one machine: the system's ssh program with one connection, or no ssh at all for "local". A small
// fixed bootstrap answers there first, so that looking needs nothing on the host and writes nothing; where something is
// to be changed it hands over to the agent. It knows nothing of docker or releases. Start with Host.
package host

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"fairlead/internal/fault"
)

// An Address names a machine: the zero Address is nothing, Local is this machine.
type Address struct {
	Local bool
	User  string // empty: as ssh's configuration says
	Host  string
	Port  int // 0: as ssh's configuration says
}

// ParseAddress reads "local" or "ssh://user@host:port" (user and port may be absent). Passwords and paths are refused.
func ParseAddress(s string) (Address, error) {
	if s == "local" {
		return Address{Local: true}, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "ssh" || u.Opaque != "" {
		return Address{}, fmt.Errorf("host %q is neither local nor ssh://user@host:port", fault.Clip(s, 80))
	}
	if _, has := u.User.Password(); has {
		return Address{}, fmt.Errorf("a password in a host's address is refused; use a key")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return Address{}, fmt.Errorf("host %q: nothing may follow host and port", fault.Clip(s, 80))
	}
	a := Address{User: u.User.Username(), Host: u.Hostname()}
	if !isHost(a.Host) || a.User != "" && !isUser(a.User) {
		return Address{}, fmt.Errorf("host %q is not a usable user and host name", fault.Clip(s, 80))
	}
	if p := u.Port(); p != "" {
		if a.Port, err = strconv.Atoi(p); err != nil || a.Port < 1 || a.Port > 65535 {
			return Address{}, fmt.Errorf("host %q: port %s", fault.Clip(s, 80), p)
		}
	}
	return a, nil
}

// String gives "local" or "ssh://user@host:port".
func (a Address) String() string {
	if a.Local {
		return "local"
	}
	u := url.URL{Scheme: "ssh", Host: a.Host}
	if strings.Contains(a.Host, ":") {
		u.Host = "[" + a.Host + "]"
	}
	if a.Port != 0 {
		u.Host += ":" + strconv.Itoa(a.Port)
	}
	if a.User != "" {
		u.User = url.User(a.User)
	}
	return u.String()
}

// Name is what people call it: the host's name, or "local".
func (a Address) Name() string {
	if a.Local {
		return "local"
	}
	return a.Host
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func isHost(s string) bool {
	return s != "" && s[0] != '-' && strings.Trim(s, letters+".-_:%") == ""
}

func isUser(s string) bool {
	return s[0] != '-' && strings.Trim(s, letters+"._-+@\\") == ""
}
