// Package scenario tells on the lab's real parts what happens to a deployment when something is killed, paused, cut, or
// in the way: one story per file, each ended by asking the world (the engine, PostgreSQL, the ledger). It is test-only;
// its tests stand behind the build tag real. With FAIRLEAD_EVERY_POINT set, the crash test also kills around every
// statement that only looks, and shows each point. Start with stage_real_test.go.
package scenario
