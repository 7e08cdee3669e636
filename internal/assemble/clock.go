package assemble

import (
	"context"
	"math/rand/v2"
	"time"
)

// systemClock is the real time.
type systemClock struct{}

// Now gives the time.
func (systemClock) Now() time.Time { return time.Now() }

// Sleep waits.
func (systemClock) Sleep(ctx context.Context, d time.Duration) error { return Pause(ctx, d) }

// Jitter spreads what would otherwise be tried again at the same moment.
func (systemClock) Jitter() float64 { return rand.Float64() }
