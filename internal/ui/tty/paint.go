package tty

// paint colours text where it is true.
type paint bool

func (p paint) with(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) good(s string) string   { return p.with("32", s) }
func (p paint) bad(s string) string    { return p.with("31", s) }
func (p paint) warn(s string) string   { return p.with("33", s) }
func (p paint) busy(s string) string   { return p.with("36", s) }
func (p paint) faint(s string) string  { return p.with("2", s) }
func (p paint) strong(s string) string { return p.with("1", s) }
