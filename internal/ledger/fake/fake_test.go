package fake_test

import (
	"bytes"
	"testing"
	"time"

	"fairlead/internal/ledger/fake"
	"fairlead/internal/ledger/ledgertest"
	"fairlead/internal/world"
)

func TestLedger_passes_the_suite(t *testing.T) {
	ledgertest.Exercise(t, func(*testing.T) ledgertest.Fixture {
		w := world.New(1)
		at := w.Place("ledger")
		l := fake.New(w, at)
		return ledgertest.Fixture{
			Open: func(*testing.T) ledgertest.Handle { return l },
			Edit: func(_ *testing.T, line int) {
				l.Damage(func(lines [][]byte) [][]byte {
					lines[line] = bytes.Replace(lines[line], []byte(`"at":"2`), []byte(`"at":"3`), 1)
					return lines
				})
			},
			Swap: func(_ *testing.T, line int) {
				l.Damage(func(lines [][]byte) [][]byte {
					lines[line], lines[line+1] = lines[line+1], lines[line]
					return lines
				})
			},
			Cut: func(_ *testing.T, line int) {
				l.Damage(func(lines [][]byte) [][]byte { return append(lines[:line], lines[line+1:]...) })
			},
			Fill: func(*testing.T) func() {
				at.Fill(time.Hour)
				return at.Heal
			},
			LoseAnswer: func(*testing.T) { l.LoseAnswer() },
			Footprint: func(t *testing.T) string {
				lines, err := l.Lines(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return string(bytes.Join(lines, []byte("\n")))
			},
		}
	})
}
