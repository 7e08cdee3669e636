package backup

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// old is a reliable backup of that many days ago.
func old(days int, level string) Entry {
	at := now.AddDate(0, 0, -days)
	run := fmt.Sprintf("r-%d", days)
	return Entry{Name: "shop-production-" + run + ".dump", At: at, Occupied: at, Size: 1, Dump: true,
		Label: &Label{Run: run, Level: level}}
}

func judged(t *testing.T, r Retention, needed map[string]string, all ...Entry) map[string]Judgement {
	t.Helper()
	out := map[string]Judgement{}
	for _, j := range r.Judge(all, needed, now) {
		if j.Why == "" {
			t.Errorf("%s: no reason is given", j.Entry.Name)
		}
		out[j.Entry.Name] = j
	}
	return out
}

func TestJudge_by_age_and_count(t *testing.T) {
	r := Retention{Days: 14, Count: 5}
	var all []Entry
	for _, d := range []int{40, 30, 20, 13, 3, 2, 1} {
		all = append(all, old(d, "L2"))
	}
	got := judged(t, r, nil, all...)
	for d, stay := range map[int]bool{1: true, 2: true, 3: true, 13: true, 20: true, 30: false, 40: false} {
		if j := got[old(d, "L2").Name]; j.Stay != stay {
			t.Errorf("%d days: stays %v (%s), want %v", d, j.Stay, j.Why, stay)
		}
	}
}

func TestJudge_lets_go_only_what_a_rule_lets_go(t *testing.T) {
	broken := old(50, "L2")
	broken.Dump, broken.Trouble = false, "its dump is gone"
	coming := old(0, "L2")
	coming.Label, coming.Trouble, coming.Occupied = nil, "it has no manifest", now.Add(-time.Hour)
	orphan := old(2, "L2")
	orphan.Name, orphan.Label, orphan.Trouble = "shop-production-r-9.dump", nil, "it has no manifest"
	unread := old(90, "L2")
	unread.Label, unread.Trouble, unread.Beside = nil, "the manifest cannot be read: the server is too busy",
		[]string{unread.Name + ".json"}
	for _, c := range []struct {
		name   string
		needed map[string]string
		all    []Entry
		of     Entry
		stay   bool
	}{
		{"the only one, however old", nil, []Entry{old(900, "L2")}, old(900, "L2"), true},
		{"the newest verified one behind newer ones that were only read back", nil,
			[]Entry{old(1, "L1"), old(2, "L1"), old(90, "L2")}, old(90, "L2"), true},
		{"a verified one behind a newer verified one", nil, []Entry{old(1, "L2"), old(90, "L2")}, old(90, "L2"), false},
		{"one that a run needs, by its name", map[string]string{old(90, "L2").Name: "run r-7 is unfinished"},
			[]Entry{old(1, "L2"), old(90, "L2")}, old(90, "L2"), true},
		{"one of a run that is unfinished", map[string]string{"r-90": "run r-90 is unfinished"},
			[]Entry{old(1, "L2"), old(90, "L2")}, old(90, "L2"), true},
		{"one whose dump is gone", nil, []Entry{old(1, "L2"), broken}, broken, false},
		{"one that is being written", nil, []Entry{coming, old(1, "L2")}, coming, true},
		{"one that never got a manifest", nil, []Entry{old(1, "L2"), orphan}, orphan, false},
		{"one whose manifest could not be read", nil, []Entry{old(1, "L2"), unread}, unread, true},
		{"a young one of a version that named no level", nil, []Entry{old(1, "L2"), old(5, "")}, old(5, ""), true},
		{"the only one, of a version that named no level", nil, []Entry{old(50, "")}, old(50, ""), true},
		{"an old one of a version that named no level", nil, []Entry{old(1, "L2"), old(50, "")}, old(50, ""), false},
		{"one of the future", nil, []Entry{old(-3, "L2"), old(-2, "L2")}, old(-2, "L2"), true},
	} {
		if j := judged(t, Retention{Days: 14, Count: 1}, c.needed, c.all...)[c.of.Name]; j.Stay != c.stay {
			t.Errorf("%s: stays %v (%s), want %v", c.name, j.Stay, j.Why, c.stay)
		}
	}
}

func TestJudge_of_any_lot_keeps_what_it_promises(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		keep := Retention{Days: r.IntN(20), Count: r.IntN(6)}
		var all []Entry
		needed := map[string]string{}
		for range r.IntN(12) {
			k := old(r.IntN(60), []string{"L1", "L2", "L3"}[r.IntN(3)])
			k.Name += fmt.Sprint(len(all))
			switch r.IntN(6) {
			case 0:
				k.Label, k.Trouble = nil, "it has no manifest"
			case 1:
				needed[k.Name] = "somebody needs it"
			}
			all = append(all, k)
		}
		got := keep.Judge(all, needed, now)
		if len(got) != len(all) {
			t.Fatalf("of %d backups %d were judged", len(all), len(got))
		}
		var newest *Judgement
		left := 0
		for i, j := range got {
			if needed[j.Entry.Name] != "" && !j.Stay {
				t.Errorf("%s is needed and goes", j.Entry.Name)
			}
			if !j.Entry.Reliable() {
				continue
			}
			if j.Stay {
				left++
			}
			if newest == nil && j.Entry.Label.Level != "L1" {
				newest = &got[i]
			}
			if !j.Stay && now.Sub(j.Entry.At) < time.Duration(keep.Days)*24*time.Hour {
				t.Errorf("%s is younger than %d days and goes", j.Entry.Name, keep.Days)
			}
		}
		if newest != nil && !newest.Stay {
			t.Errorf("%s is the newest verified one and goes: %s", newest.Entry.Name, newest.Why)
		}
		if total := reliable(all); left < min(keep.Count, total) {
			t.Errorf("of %d reliable ones %d are left, %d were to stay", total, left, keep.Count)
		}
	}
}

func reliable(all []Entry) int {
	n := 0
	for _, k := range all {
		if k.Reliable() {
			n++
		}
	}
	return n
}

func TestOf_tells_the_backups_of_neighbours_apart(t *testing.T) {
	for _, c := range []struct {
		name, app, environment string
		label                  *Label
		mine                   bool
	}{
		{"shop-production-r-20261124-224148-1f00-224149.dump", "shop", "production", nil, true},
		{"shop-production-manual-20261124-224149.dump", "shop", "production", nil, true},
		{"shop-production-eu-r-20261124-224148-1f00-224149.dump", "shop", "production", nil, false},
		{"shop-production-eu-r-20261124-224148-1f00-224149.dump", "shop", "production_eu", nil, true},
		{"shop-staging-r-20261124-224148-1f00-224149.dump", "shop", "production", nil, false},
		{"shop-production-r-1.dump", "shop", "production", &Label{App: "shop-production", Environment: "r-1"}, false},
		{"anything.dump", "shop", "production", &Label{App: "shop", Environment: "production"}, true},
	} {
		if got := (Entry{Name: c.name, Label: c.label}).Of(c.app, c.environment); got != c.mine {
			t.Errorf("%s of %s in %s: %v, want %v", c.name, c.app, c.environment, got, c.mine)
		}
	}
}
