package s3

import (
	"testing"

	"fairlead/internal/backup/backuptest"
)

func TestStore_keeps_the_contract(t *testing.T) {
	for _, kind := range []struct {
		name string
		able bool
	}{{"on a server with conditional writes", true}, {"on a server without", false}} {
		t.Run(kind.name, func(t *testing.T) {
			backuptest.Exercise(t, func(t *testing.T) backuptest.Fixture {
				srv := newServer(kind.able)
				if err := srv.mem.CreateBucket("backups"); err != nil {
					t.Fatal(err)
				}
				address, line := started(t, srv)
				p := bucketPlace(settings(address))
				p.Weak = !kind.able
				p.Cut = func(*testing.T) func() { return line.cut() }
				p.Fill = func(*testing.T) func() {
					srv.set(func() { srv.full = true })
					return func() { srv.set(func() { srv.full = false }) }
				}
				return p
			})
		})
	}
}
