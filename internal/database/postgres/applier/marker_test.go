//go:build postgres

package applier

import (
	"context"
	"strings"
	"testing"

	"fairlead/internal/apply"
	"fairlead/internal/database/postgres/servertest"
	"fairlead/internal/fence"
)

func TestUnmark_takes_back_the_intent_alone_and_only_for_the_newest_holder(t *testing.T) {
	url := servertest.Fresh(t)
	d := opened(t, url)
	ticket := fence.Ticket{App: "shop", Environment: "production", Ledger: "l", Run: "r-one", Number: 2}
	k := apply.Key{App: "shop", Environment: "production", Migration: strings.Repeat("a", 64)}
	if err := d.Raise(t.Context(), ticket); err != nil {
		t.Fatal(err)
	}
	solo, err := d.NonTransactional(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer solo.Close(context.Background())
	if err := solo.Hold(t.Context(), ticket); err != nil {
		t.Fatal(err)
	}
	for _, done := range []bool{false, true} {
		if err := solo.Mark(t.Context(), k, apply.Marker{SHA256: k.Migration, Run: "r-one", Fence: 2,
			Done: done}); err != nil {
			t.Fatal(err)
		}
	}
	small := ticket
	small.Number = 1
	if err := d.Unmark(t.Context(), small, k, 0); err == nil {
		t.Error("an overtaken holder may take a marker back")
	}
	if err := d.Unmark(t.Context(), ticket, k, 0); err != nil {
		t.Fatal(err)
	}
	all, err := d.Markers(t.Context(), k)
	if err != nil || len(all) != 1 || !all[0].Done {
		t.Errorf("left are %+v, %v", all, err)
	}
	listed, err := d.AllMarkers(t.Context(), "shop", "production")
	if err != nil || len(listed) != 1 || listed[0].Migration != k.Migration {
		t.Errorf("listed are %+v, %v", listed, err)
	}
}
