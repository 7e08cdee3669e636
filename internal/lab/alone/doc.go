// Package alone tries migrations without a release: the real program against a PostgreSQL server of its own, with no
// host, no image and no lab. It is test-only; start with story_test.go.
package alone
