// Package smalldisk mounts a disk in memory that is soon full, for tests of what then happens. It is test-only and
// needs Linux and root.
package smalldisk
