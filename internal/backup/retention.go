package backup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Entry is one backup in a store: the dump (Dump tells that it is there) and what stands beside it. At is that of
// the snapshot or, where there is no manifest and no Label, of the object. Size is that of what the store holds.
// Trouble says why this is no backup that could be relied on. Occupied is when the newest of its objects was written.
type Entry struct {
	Name     string    `json:"name"`
	At       time.Time `json:"at"`
	Size     int64     `json:"size"`
	Beside   []string  `json:"beside,omitempty"`
	Label    *Label    `json:"label,omitempty"`
	Trouble  string    `json:"trouble,omitempty"`
	Dump     bool      `json:"dump"`
	Occupied time.Time `json:"occupied"`
}

// A Label is what a manifest says in short; Size is that of the dump as it was written.
type Label struct {
	App         string   `json:"app,omitempty"`
	Environment string   `json:"environment,omitempty"`
	Run         string   `json:"run"`
	Database    string   `json:"database"`
	Server      string   `json:"server"`
	Level       string   `json:"level"`
	SHA256      string   `json:"sha256"`
	Size        int64    `json:"size"`
	Tables      int      `json:"tables"`
	Encryption  string   `json:"encryption,omitempty"`
	Recipients  []string `json:"recipients,omitempty"`
	Compression string   `json:"compression,omitempty"`
}

// Reliable tells whether a whole backup is there that was verified. Its manifest tells, for it is written after that;
// manifests of old name no level, and were written after the contents had been compared.
func (k Entry) Reliable() bool { return k.Dump && k.Label != nil && k.Trouble == "" }

// Unread tells whether there is a manifest and nobody could read it: the store may be in trouble, or a newer version
// has written it.
func (k Entry) Unread() bool { return k.Label == nil && slices.Contains(k.Beside, k.Name+".json") }

// Of tells whether a backup is of an app in an environment. Manifests of old name neither; then the name of the backup
// counts.
func (k Entry) Of(app, environment string) bool {
	if k.Label != nil && k.Label.App != "" {
		return k.Label.App == app && k.Label.Environment == environment
	}
	rest, ok := strings.CutPrefix(k.Name, strings.ReplaceAll(app+"-"+environment+"-", "_", "-"))
	return ok && (strings.HasPrefix(rest, "r-") || strings.HasPrefix(rest, "manual-"))
}

// Retention says what may go: a backup that is older than Days and has Count reliable newer ones.
type Retention struct{ Days, Count int }

// A Judgement is what becomes of a backup, and why in a sentence.
type Judgement struct {
	Entry Entry  `json:"backup"`
	Stay  bool   `json:"stay"`
	Why   string `json:"why"`
}

// forming is how long a dump without a manifest may be one that is being finished.
const forming = 24 * time.Hour

// Judge judges all backups of one app in one environment, the newest first. needed says why a backup must stay, by its
// name or by the run that took it. What no rule lets go stays.
func (r Retention) Judge(all []Entry, needed map[string]string, now time.Time) []Judgement {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Entry) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(b.Name, a.Name))
	})
	rank, verified := 0, false
	var out []Judgement
	for _, k := range all {
		j := Judgement{Entry: k}
		j.Stay, j.Why = r.judge(k, rank, verified, needed, now)
		if k.Reliable() {
			rank++
			verified = verified || k.Label.Level != "L1"
		}
		out = append(out, j)
	}
	return out
}

func (r Retention) judge(k Entry, rank int, verified bool, needed map[string]string,
	now time.Time) (stay bool, why string) {
	if why := needed[k.Name]; why != "" {
		return true, why
	}
	if k.Label != nil {
		if why := needed[k.Label.Run]; why != "" {
			return true, why
		}
	}
	switch age := now.Sub(k.At); {
	case k.Unread():
		return true, "nobody knows what it is: " + k.Trouble
	case !k.Reliable() && now.Sub(k.Occupied) < forming:
		return true, "it may be on its way: " + k.Trouble
	case !k.Reliable():
		return false, k.Trouble
	case !verified && k.Label.Level != "L1":
		return true, "the newest verified one"
	case rank < r.Count:
		return true, fmt.Sprintf("one of the newest %d", r.Count)
	case age < time.Duration(r.Days)*24*time.Hour:
		return true, fmt.Sprintf("younger than %d days", r.Days)
	case age < 0:
		return true, "it is of the future: a clock is wrong"
	}
	return false, fmt.Sprintf("older than %d days, with %d newer ones", r.Days, rank)
}
