package assemble

import (
	"context"
)

// applied counts the units of a migration that have their marker, from the first on.
func (p *Project) applied(ctx context.Context, migration string) (int, error) {
	if p.database == nil {
		return 0, nil
	}
	markers, _, err := p.markers(ctx, migration)
	if err != nil {
		return 0, err
	}
	done := map[int]bool{}
	for _, m := range markers {
		done[m.Unit] = done[m.Unit] || m.Done
	}
	n := 0
	for done[n] {
		n++
	}
	return n, nil
}
