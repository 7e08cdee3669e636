// Package lab is the real test bed: a registry, PostgreSQL, sshd with a deploy
// user, a Docker engine with compose, a sample application and the tools to
// disturb and watch them. It is test-only and nothing that ships imports it.
//
// A lab is one process tree in its own network, mount and process namespaces:
// every address is the lab's own, the deploy user exists only inside, and when
// its first process ends the kernel ends everything else with it.
//
// A test of real parts stands in a file with the build tag real, and runs as an
// operator does: in the lab's network, with the machine's files and processes.
//
//	l := lab.Here(t)                                      // the lab of this `make test`
//	s, err := l.Stack(ctx, lab.StackOptions{App: "mine"}) // a target directory, a database, ports of its own
//	v1, err := s.PublishRelease(ctx, lab.Release{Tag: "v1.0.0", MigrationSQL: "…"})
//	err = s.WriteConfig(dir+"/fairlead.yaml", lab.ConfigOptions{})
//	out, err := s.Fairlead(ctx, dir, "deploy", "v1.0.0", "--yes").CombinedOutput()
//	running, err := s.RunningDigests(ctx)                 // asked of the engine
//	rows, err := s.Rows(ctx, "SELECT …")                  // asked of PostgreSQL
//
// To disturb it: NewProxy in front of sshd, NewPgProxy in front of PostgreSQL,
// Stop, Kill and Start of a Part, SmallDisk, HostCommand to kill what runs on
// the host. To watch it: Load, Hooks, Containers.
package lab
