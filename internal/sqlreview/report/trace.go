package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Trace is what a server did with a script: the database adapter observes, this package compares. Statements are those
// of the file itself, in order; what a DO block executed belongs to the block.
type Trace struct {
	ServerVersion int        `json:"server_version"`
	Statements    []Observed `json:"statements"`
	// SameShape says that the scratch database had the shape of the catalog that the review knows, and that this
	// catalog came from somewhere else.
	SameShape bool `json:"same_shape,omitempty"`
	// Again tells of the second run of the same script; nil means that there was none.
	Again *Again `json:"again,omitempty"`
}

// Observed is what one statement did. Claims.Fails is the server's error. Held are the locks that earlier statements of
// the same transaction had taken.
type Observed struct {
	Statement    int    `json:"statement"` // its index in the file
	Line         int    `json:"line"`
	Kind         string `json:"kind"`
	Claims       Claims `json:"claims"`
	Held         []Lock `json:"held,omitempty"`
	Blind        bool   `json:"blind,omitempty"` // in no transaction: scans were not seen
	Milliseconds int64  `json:"milliseconds"`
}

// Again tells how the second run ended: Fails is "" when each statement went through.
type Again struct {
	Line  int    `json:"line,omitempty"`
	Fails string `json:"fails,omitempty"`
}

// Disagreement is a difference between what the review claims and what a server did.
type Disagreement struct {
	Statement int    `json:"statement"`
	Line      int    `json:"line"`
	Kind      string `json:"kind"`
	What      string `json:"what"` // locks, rewrites, scans, builds, fails
	Claimed   string `json:"claimed"`
	Observed  string `json:"observed"`
}

// String gives one line for a screen.
func (d Disagreement) String() string {
	return fmt.Sprintf("line %d: %s of %s: claimed %s, observed %s", d.Line, d.What, d.Kind, d.Claimed, d.Observed)
}

// Compare lists where claims and observation differ, statement by statement of one file. Locks that disturb nobody
// (ACCESS SHARE, ROW SHARE) do not count, and of the others the strongest on each relation does. After a statement that
// failed, only its failure is compared.
func Compare(r Report, t Trace) []Disagreement {
	claims := map[int]*claimed{}
	for _, s := range r.Statements {
		if claims[s.Statement] == nil {
			claims[s.Statement] = &claimed{}
		}
		claims[s.Statement].add(s)
	}
	var out []Disagreement
	for _, o := range t.Statements {
		c := claims[o.Statement]
		// where statements are unlisted, its claims were left out
		if c != nil || r.Unlisted == 0 {
			out = append(out, cmp.Or(c, &claimed{}).compare(o)...)
		}
	}
	return out
}

// claimed is what is claimed of one statement of the file: what it surely does, and what it may do besides.
type claimed struct{ sure, may Claims }

func (c *claimed) add(s StatementReport) {
	into := &c.sure
	if s.Guarded {
		into = &c.may
	}
	into.Locks = append(into.Locks, s.Claims.Locks...)
	into.Rewrites = append(into.Rewrites, s.Claims.Rewrites...)
	into.Scans = append(into.Scans, s.Claims.Scans...)
	into.Builds = append(into.Builds, s.Claims.Builds...)
	c.may.MayLock = append(c.may.MayLock, s.Claims.MayLock...)
	c.may.Scans = append(c.may.Scans, s.Claims.MayScan...)
	if c.sure.Fails == "" && !s.Guarded {
		c.sure.Fails = s.Claims.Fails
	}
	if s.Claims.FailsIf != "" {
		c.may.FailsIf = s.Claims.FailsIf
	}
}

func (c *claimed) compare(o Observed) []Disagreement {
	var out []Disagreement
	differ := func(what, claimed, observed string) {
		out = append(out, Disagreement{o.Statement, o.Line, o.Kind, what, claimed, observed})
	}
	if c.sure.Fails != "" || o.Claims.Fails != "" {
		if c.sure.Fails == "" && c.may.FailsIf == "" || o.Claims.Fails == "" {
			differ("fails", cmp.Or(c.sure.Fails, "none"), cmp.Or(o.Claims.Fails, "none"))
		}
		return out
	}
	if !c.locksAgree(o) {
		differ("locks", lockList(c.sure.Locks, o.Held), lockList(o.Claims.Locks, o.Held))
	}
	within := func(what string, sure, may, seen []string, blind bool) {
		if !blind && !subset(sure, seen) || !subset(seen, append(slices.Clone(may), sure...)) {
			differ(what, list(sure), list(seen))
		}
	}
	within("rewrites", c.sure.Rewrites, c.may.Rewrites, o.Claims.Rewrites, false)
	// What is rewritten gets new indexes and is read anyway, and an index is built by reading.
	rewritten := o.Claims.Rewrites
	within("builds", without(c.sure.Builds, rewritten), c.may.Builds, without(o.Claims.Builds, rewritten), false)
	done := append(slices.Clone(rewritten), o.Claims.Builds...)
	may := c.may.Scans
	if queries(o.Kind) {
		may = append(slices.Clone(may), o.Claims.Scans...)
	}
	within("scans", without(c.sure.Scans, done), may, without(o.Claims.Scans, done), o.Blind)
	return out
}

// queries says whether a statement reads rows as its planner decides.
func queries(kind string) bool {
	return slices.ContainsFunc([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "REFRESH", "DO",
		"CALL", "EXECUTE", "CREATE TABLE AS", "CREATE MATERIALIZED VIEW AS"},
		func(k string) bool { return strings.HasPrefix(kind, k) })
}

func without(all, some []string) []string {
	return slices.DeleteFunc(unique(all), func(x string) bool { return slices.Contains(some, x) })
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(x string) bool { return !slices.Contains(b, x) })
}

// locksAgree compares the strongest lock on each relation. A lock of a statement in no transaction may come and go
// unseen.
func (c *claimed) locksAgree(o Observed) bool {
	sure, may := strongest(c.sure.Locks), strongest(c.may.Locks)
	seen, held := strongest(o.Claims.Locks), strongest(o.Held)
	for relation, r := range seen {
		if r < strength(RowExclusive) || slices.Contains(c.may.MayLock, relation) ||
			slices.Contains(c.may.MayLock, "*") {
			continue
		}
		if r > max(sure[relation], may[relation]) || r < sure[relation] && held[relation] < sure[relation] && !o.Blind {
			return false
		}
	}
	for relation, r := range sure {
		if r >= strength(RowExclusive) && max(seen[relation], held[relation]) < r && !o.Blind {
			return false
		}
	}
	return true
}

func list(names []string) string { return cmp.Or(strings.Join(unique(names), ", "), "none") }

func strength(mode string) int { return slices.Index(LockModes(), mode) }

// strongest gives the strength of the strongest lock on each relation.
func strongest(locks []Lock) map[string]int {
	out := map[string]int{}
	for _, l := range locks {
		out[l.Relation] = max(out[l.Relation], strength(l.Mode))
	}
	return out
}

// lockList prints the strongest lock of each relation that is stronger than what was held.
func lockList(locks, held []Lock) string {
	all := strongest(locks)
	for _, l := range held {
		if all[l.Relation] <= strength(l.Mode) {
			delete(all, l.Relation)
		}
	}
	var out []string
	for relation, r := range all {
		if r >= strength(RowExclusive) {
			out = append(out, relation+" "+LockModes()[r])
		}
	}
	return list(out)
}

// Traced is what a server did with one file, and where the claims differ.
type Traced struct {
	File          string         `json:"file"`
	Trace         Trace          `json:"trace"`
	Disagreements []Disagreement `json:"disagreements"`
}

// PostgreSQL's lock modes, without those that disturb nobody.
const (
	AccessExclusive      = "ACCESS EXCLUSIVE"
	Exclusive            = "EXCLUSIVE"
	ShareRowExclusive    = "SHARE ROW EXCLUSIVE"
	Share                = "SHARE"
	ShareUpdateExclusive = "SHARE UPDATE EXCLUSIVE"
	RowExclusive         = "ROW EXCLUSIVE"
)

// LockModes gives PostgreSQL's lock modes, from weak to strong.
func LockModes() []string {
	return []string{"ACCESS SHARE", "ROW SHARE", RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive,
		Exclusive, AccessExclusive}
}
