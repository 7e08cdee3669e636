package sqlreview

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// knownBody says whether a function is one that a migration tool brings along, so that what it does is known without its body.
func knownBody(n string) bool { return n == "diesel_manage_updated_at" }

// claimKnownBodies is about calls of them: Diesel's makes a trigger on a table.
func (p *pass) claimKnownBodies(n *pg.Node) {
	if p.state.unfollowed(n) {
		p.claims.MayLock = append(p.claims.MayLock, "*") // what it calls may do anything
		p.failIf("what it calls says so")
	}
	for _, c := range calls(n) {
		if calledName(c) != "diesel_manage_updated_at" || len(c.GetArgs()) != 1 {
			continue
		}
		arg := c.GetArgs()[0]
		if cast := arg.GetTypeCast(); cast != nil {
			arg = cast.GetArg()
		}
		table := p.state.spelled(arg.GetAConst().GetSval().GetSval())
		if table.name == "" || p.state.isFresh(table) {
			continue
		}
		p.fail(p.state.missing(table), "relation "+table.String()+" does not exist")
		p.fail(p.state.table(table).trigger("set_updated_at") != nil, "trigger set_updated_at already exists")
		p.lock(table, shareRowExclusive)
	}
}

// spelled reads a name as regclass does: folded unless it is quoted.
func (s *state) spelled(text string) name {
	var parts []string
	for _, part := range strings.Split(text, ".") {
		if unquoted, ok := strings.CutPrefix(part, `"`); ok {
			parts = append(parts, strings.TrimSuffix(unquoted, `"`))
		} else {
			parts = append(parts, strings.ToLower(part))
		}
	}
	switch len(parts) {
	case 1:
		return s.qualify("", parts[0])
	case 2:
		return s.qualify(parts[0], parts[1])
	}
	return name{}
}
