// Package lab is the real test bed: a registry, PostgreSQL, sshd with a deploy
// user, a Docker engine with compose, a sample application and the tools to
// disturb and watch them. It is test-only and nothing that ships imports it.
//
// A lab is one process tree in its own network, mount and process namespaces:
// every address is the lab's own, the deploy user exists only inside, and when
// its first process ends the kernel ends everything else with it. Start with
// Up (or Here, in a test), then Lab.Stack for an application to deploy.
package lab
